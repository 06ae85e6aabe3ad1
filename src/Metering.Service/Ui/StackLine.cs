namespace Metering.Service.Ui;

/// <summary>One line of a stacked chart.</summary>
/// <param name="Id">Tells apart lines that carry the same name.</param>
/// <param name="Values">By start of the step; a step that is not here has nothing on record.</param>
public sealed record StackLine(string Id, string Name, IReadOnlyDictionary<DateTimeOffset, decimal> Values)
{
    public decimal Total { get; } = Values.Values.Sum();
}
