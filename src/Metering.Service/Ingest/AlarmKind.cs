namespace Metering.Service.Ingest;

/// <summary>What must never happen to a host's batches, or only for a while.</summary>
public enum AlarmKind
{
    /// <summary>A parent and its children did not add up.</summary>
    Conservation,

    /// <summary>A reading whose end − start is not its quantity.</summary>
    Reading,

    /// <summary>A record did not start where the one before it ended.</summary>
    Chain,

    /// <summary>A batch below the newest one has not arrived for a while.</summary>
    Gap,

    /// <summary>Other content, or another range, under a known number.</summary>
    Fork,

    /// <summary>Refused for its identity.</summary>
    Refused,

    /// <summary>More new workloads in a bucket than the bound: usage beyond is exact, and of nobody.</summary>
    OverBound,

    /// <summary>Kept aside for its content.</summary>
    Quarantined,
}
