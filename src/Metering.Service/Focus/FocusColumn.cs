namespace Metering.Service.Focus;

/// <summary>A column as the specification has it and as we fill it.</summary>
/// <param name="Level12">In profile 1.2: 'M' mandatory, 'C' conditional (the condition holds for us), 'R' recommended, 'X' our own, '-' not there.</param>
/// <param name="Level14">The same in 1.4.</param>
/// <param name="IsNullable">May be empty.</param>
/// <param name="Values">What it may hold; empty: anything of its type.</param>
/// <param name="Write">Writes the column of a row of Cost and Usage; null for the columns of small datasets.</param>
internal sealed record FocusColumn(string Name, FocusType Type, char Level12, char Level14, bool IsNullable, string[] Values, Action<FocusCsv, FocusRow>? Write = null)
{
    /// <summary>Digits of a decimal column, all and after the point: what the widest exact product needs.</summary>
    public const int Precision = 38;

    public const int Scale = 19;

    public char Level(FocusProfile profile) => profile.HasInvoices ? Level14 : Level12;

    public bool IsIn(FocusProfile profile) => Level(profile) != '-';

    public bool IsMandatory(FocusProfile profile) => Level(profile) == 'M';
}
