namespace Metering.Service.Reports;

/// <summary>A host as listed.</summary>
/// <param name="MissingBatches">Batches below the newest one that have not arrived.</param>
/// <param name="Coverage">Share of the last day that was metered.</param>
/// <param name="ConservationFailures">Readings of a parent and its children that did not add up; more than 0 is an alarm.</param>
/// <param name="EstimatedShare">Share of the CPU time of the last two hours that was split by time.</param>
/// <param name="UnscrapedShare">Share of it that a scraper with an interval of 15 s would have missed.</param>
/// <param name="BeforeMeteringCpuSeconds">CPU that the machine had used when metering began; not billed.</param>
/// <param name="Degraded">What the last pass could only do in a worse way (<c>no-watches: …; …</c>); null when it was as it should be. Sums are exact all the same.</param>
/// <param name="Availability">By meter family: exact, best-effort, partial, or unavailable and why.</param>
internal sealed record HostView(
    string Host, string Epoch, long CommittedSequence, long MissingBatches, DateTimeOffset FirstWindowStart, DateTimeOffset LastWindowEnd, DateTimeOffset LastSeen, string BootId,
    double Cpus, long MemoryBytes, decimal? Coverage, long ConservationFailures, HostAlarmView Alarms, decimal? EstimatedShare, decimal? UnscrapedShare, decimal? BeforeMeteringCpuSeconds,
    string? Degraded, IReadOnlyDictionary<string, string> Availability, IReadOnlyDictionary<string, string> Labels);
