namespace Metering.Service.Reports;

/// <summary>A page of costs.</summary>
internal sealed record CostPage(DateTimeOffset From, DateTimeOffset To, string Step, IReadOnlyList<CostRowView> Rows, string? NextCursor);
