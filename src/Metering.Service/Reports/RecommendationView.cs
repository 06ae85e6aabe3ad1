namespace Metering.Service.Reports;

/// <summary>What a workload reserves, uses and should reserve.</summary>
/// <param name="Resource"><c>cpu</c> in cores, <c>memory</c> in bytes.</param>
/// <param name="Reserved">As it was last.</param>
/// <param name="Used95">The 95th percentile of what was used, see <see cref="Sizing"/>; null: not known.</param>
/// <param name="Suggested">Null: nothing is suggested, and why is in <paramref name="Reason"/>.</param>
/// <param name="MonthlySaving">What 30 days would cost less at the average price that the workload paid, to 4 places; null: nothing would be saved or it is not known.</param>
internal sealed record RecommendationView(
    WorkloadKey Workload, string Tenant, string Resource, decimal? Reserved, decimal? Used95, decimal? Suggested, decimal? MonthlySaving, string? Currency, string? Reason);
