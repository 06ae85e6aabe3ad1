using System.Buffers;
using System.Text;
using Metering.Exposition;

namespace Metering.Tests.Exposition;

/// <summary>A collector for one test: meters are found by a prefix that no other test uses, so that tests run side by side.</summary>
internal static class Scrape
{
    public static MetricsCollector Collector(string prefix, int maxSeries = 1_000) =>
        new(new MetricsCollectorOptions { MeterPrefix = prefix, MaxSeriesPerFamily = maxSeries, DefaultBuckets = [0.1, 1] });

    public static string Text(this IMetricsExporter exporter, ExpositionFormat format)
    {
        var buffer = new ArrayBufferWriter<byte>();
        exporter.Write(format, buffer);
        // Throwing on invalid bytes: what we write is UTF-8 whatever was put in.
        return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(buffer.WrittenSpan);
    }

    public static StrictParser Parse(this IMetricsExporter exporter, ExpositionFormat format) => StrictParser.Parse(exporter.Text(format), format);

    /// <summary>The text without the collector's own families.</summary>
    public static string WithoutOwn(string text) =>
        string.Concat(text.Split('\n').Where(line => line.Length > 0 && !line.Contains("metering_exposition_")).Select(line => line + "\n"));
}
