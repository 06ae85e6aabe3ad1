namespace Metering.Service.Live;

/// <summary>What is used now, as far as the caller may see it: the last windows of every host that was metered in the last five minutes.</summary>
/// <param name="Hosts">Empty for a reader of one tenant: hosts are shared.</param>
/// <param name="Workloads">Those with usage in the last minute, by CPU, the largest first.</param>
/// <param name="UnattributedCores">CPU of workloads that no ownership rule claims.</param>
/// <param name="UnscrapedShare">Share of the CPU time of the last two hours that a scraper with an interval of 15 s would have missed.</param>
/// <param name="IsCut">More was there than one answer takes.</param>
internal sealed record LiveView(
    DateTimeOffset At, IReadOnlyList<LiveHost> Hosts, IReadOnlyList<LiveWorkload> Workloads, decimal CpuCores, decimal UnattributedCores, long HeldMicroseconds, decimal? UnscrapedShare, bool IsCut);
