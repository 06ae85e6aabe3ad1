namespace Metering.Service.Reports;

/// <summary>Answer of <c>/v1/costs?allocation=hosts</c>.</summary>
internal sealed record AllocationPage(DateTimeOffset From, DateTimeOffset To, string Step, IReadOnlyList<AllocationRow> Rows, string? NextCursor);
