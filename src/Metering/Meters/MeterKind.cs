namespace Metering.Meters;

/// <summary>How two quantities of the same workload and bucket become one.</summary>
public enum MeterKind
{
    /// <summary>Quantities add up: time, bytes, byte-seconds, operations.</summary>
    Sum,

    /// <summary>The larger one stands: peaks.</summary>
    Peak,
}
