using System.Buffers;

namespace Metering.Exposition;

/// <summary>Scrapes into a stream.</summary>
public static class MetricsExporterExtensions
{
    private const int TypicalScrapeBytes = 64 * 1024;

    /// <summary>Writes one scrape to a stream. The scrape is taken at once and sent afterwards, so a slow reader holds up nobody.</summary>
    public static async Task WriteAsync(this IMetricsExporter exporter, ExpositionFormat format, Stream output, CancellationToken cancel)
    {
        var buffer = new ArrayBufferWriter<byte>(TypicalScrapeBytes);
        exporter.Write(format, buffer);
        await output.WriteAsync(buffer.WrittenMemory, cancel);
    }
}
