namespace Metering.Service.Ui;

/// <summary>What one tenant or workload used hour by hour.</summary>
/// <param name="Id">Tells apart lines that carry the same name.</param>
/// <param name="Hours">By start of the hour; an hour that is not here has no usage on record.</param>
public sealed record ChartLine(string Id, string Name, IReadOnlyDictionary<DateTimeOffset, Amounts> Hours);
