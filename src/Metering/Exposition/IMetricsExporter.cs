using System.Buffers;

namespace Metering.Exposition;

/// <summary>
/// What the hosts know of metrics exposition. prometheus-net could stand behind it in one file; ours does because that one exports counters as gauges
/// and forgets series that were idle for five minutes, which OpenMetrics forbids.
/// </summary>
public interface IMetricsExporter : IDisposable
{
    /// <summary>Writes one complete scrape. Safe to call from several threads; nothing is written in part when a source fails.</summary>
    void Write(ExpositionFormat format, IBufferWriter<byte> output);

    /// <summary>
    /// Adds families that are computed at scrape time, such as usage per tenant. A source that throws loses its families of that scrape, is counted in
    /// <c>metering_exposition_source_failures_total</c>, and is asked again at the next. It runs while the scrape waits, so it answers from memory.
    /// </summary>
    /// <returns>Removes the source when disposed.</returns>
    IDisposable AddSource(Action<MetricsWriter> source);
}
