namespace Metering.Service.Reports;

/// <summary>Recommendations of the workloads that reserve something, from their usage in a range.</summary>
internal sealed record RecommendationPage(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<RecommendationView> Rows);
