namespace Metering.Exposition;

/// <summary>The types of a family that we write; an up-down counter is a gauge on the wire.</summary>
public enum MetricType
{
    /// <summary>A total that never goes down.</summary>
    Counter,

    /// <summary>A value that goes both ways.</summary>
    Gauge,

    /// <summary>Counts by explicit upper bounds.</summary>
    Histogram,
}
