namespace Metering.Service.Reports;

/// <summary>A host as listed.</summary>
/// <param name="MissingBatches">Batches below the newest one that have not arrived.</param>
/// <param name="Coverage">Share of the last day that was metered.</param>
/// <param name="ConservationFailures">Readings of a parent and its children that did not add up; more than 0 is an alarm.</param>
/// <param name="Availability">By meter family: exact, best-effort, partial, or unavailable and why.</param>
internal sealed record HostView(
    string Host, string Epoch, long CommittedSequence, long MissingBatches, DateTimeOffset FirstWindowStart, DateTimeOffset LastWindowEnd, DateTimeOffset LastSeen, string BootId,
    double Cpus, long MemoryBytes, decimal? Coverage, long ConservationFailures, IReadOnlyDictionary<string, string> Availability, IReadOnlyDictionary<string, string> Labels);
