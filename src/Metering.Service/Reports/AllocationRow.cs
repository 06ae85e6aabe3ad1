namespace Metering.Service.Reports;

/// <summary>A share of what hosts and overhead cost.</summary>
/// <param name="Key">By what was grouped by; the tenants <c>__idle__</c> and <c>__overhead__</c> have what was not distributed.</param>
/// <param name="Cost">Exact sum of the parts.</param>
/// <param name="Parts"><c>cpu</c>, <c>memory</c>, <c>idle</c>, <c>overhead</c>, <c>shared</c>; and, negative where they were taken away to be given to others, <c>idleDistributed</c>, <c>overheadDistributed</c>, <c>sharedDistributed</c>.</param>
internal sealed record AllocationRow(DateTimeOffset Start, DateTimeOffset End, IReadOnlyDictionary<string, object> Key, string Currency, decimal Cost, IReadOnlyDictionary<string, decimal> Parts);
