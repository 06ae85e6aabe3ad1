namespace Metering.Service.Spreadsheets;

/// <summary>One sheet: a row of names, and rows of values. A value is a text, a number, a <see cref="DateOnly"/>, a <see cref="DateTimeOffset"/> or null; a number is shown as its column says.</summary>
/// <param name="Name">At most 31 characters, without any of : \ / ? * [ ].</param>
internal sealed record Sheet(string Name, IReadOnlyList<Sheet.Column> Columns, IEnumerable<IReadOnlyList<object?>> Rows)
{
    /// <param name="Width">In characters.</param>
    internal sealed record Column(string Name, int Width, CellStyle Style = CellStyle.Plain);
}
