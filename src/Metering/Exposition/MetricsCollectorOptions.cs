namespace Metering.Exposition;

/// <summary>What is collected and how much of it is kept.</summary>
public sealed class MetricsCollectorOptions
{
    /// <summary>Instruments of meters whose name starts with this are collected. Default <c>Metering</c>.</summary>
    public string MeterPrefix { get; init; } = "Metering";

    /// <summary>Series kept per family; what comes beyond goes to one series labelled <c>overflow="true"</c>. Default 1,000.</summary>
    public int MaxSeriesPerFamily { get; init; } = 1_000;

    /// <summary>Upper bounds of a histogram that brings none with its advice. Default: 1 ms to 60 s, for durations in seconds.</summary>
    public IReadOnlyList<double> DefaultBuckets { get; init; } = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
}
