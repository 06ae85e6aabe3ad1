namespace Metering.Service.Reports;

/// <summary>One row of an answer.</summary>
/// <param name="Key">Value by dimension; a workload is a <see cref="WorkloadKey"/>.</param>
/// <param name="Quantities">By API name, in API units; what was unavailable is absent.</param>
/// <param name="Coverage">Share of the time that was metered, 0 to 1; absent when nothing was expected.</param>
/// <param name="UnscrapedCpuSeconds">CPU seconds that a scraper with an interval of 15 s would have missed: see <see cref="Ledger.Newborns"/>.</param>
/// <param name="UnscrapedShare">The same as a share of the CPU time, 0 to 1.</param>
/// <param name="EstimatedShare">Share of the CPU time that was split over buckets or workloads by time, 0 to 1.</param>
internal sealed record UsageRowView(
    DateTimeOffset Start, DateTimeOffset End, IReadOnlyDictionary<string, object> Key, IReadOnlyDictionary<string, decimal> Quantities, decimal? Coverage, decimal EstimatedShare,
    decimal UnscrapedCpuSeconds, decimal UnscrapedShare);
