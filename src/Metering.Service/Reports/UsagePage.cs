namespace Metering.Service.Reports;

/// <summary>A page of usage; from and to are the bounds that were used.</summary>
internal sealed record UsagePage(DateTimeOffset From, DateTimeOffset To, string Step, IReadOnlyList<UsageRowView> Rows, string? NextCursor);
