namespace Metering.Service.Reports;

/// <summary>What must not happen to a host, counted. Zero everywhere is the rule.</summary>
/// <param name="ConservationFailures">Readings of a parent and its children that did not add up, of this epoch.</param>
/// <param name="ReadingFailures">Quantities that are no difference of their readings, since the service started.</param>
/// <param name="ChainBreaks">Records that did not start where the one before ended, since the service started; <c>metering verify</c> looks at all.</param>
/// <param name="MissingBatches">Batches below the newest one that have not arrived.</param>
/// <param name="Forks">Batches in conflict with a known number.</param>
/// <param name="Refused">Batches refused for their identity, by the host that they claimed.</param>
/// <param name="OverBound">Records beyond the bound of new workloads in a bucket, since the service started.</param>
internal sealed record HostAlarmView(long ConservationFailures, long ReadingFailures, long ChainBreaks, long MissingBatches, long Forks, long Refused, long Quarantined, long OverBound = 0);
