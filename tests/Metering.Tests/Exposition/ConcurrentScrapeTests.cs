using System.Diagnostics.Metrics;
using Metering.Exposition;
using Xunit;

namespace Metering.Tests.Exposition;

public sealed class ConcurrentScrapeTests
{
    private const int Writers = 4;
    private const int Rounds = 20_000;

    [Fact]
    public async Task Scrapes_while_recording_are_valid_and_counters_rise()
    {
        using var collector = Scrape.Collector("Metering.T.Concurrent", maxSeries: 40);
        using var meter = new Meter("Metering.T.Concurrent");
        var counter = meter.CreateCounter<long>("busy_total");
        var histogram = meter.CreateHistogram<double>("busy_seconds", "s");
        var observed = 0L;
        meter.CreateObservableCounter("observed_total", () => Interlocked.Read(ref observed));
        using var done = new CancellationTokenSource();

        var writers = Enumerable.Range(0, Writers).Select(writer => Task.Run(() =>
        {
            for (var i = 0; i < Rounds; i++)
            {
                counter.Add(1, new KeyValuePair<string, object?>("id", i % 50), new KeyValuePair<string, object?>("writer", writer % 2));
                histogram.Record(i % 3, new KeyValuePair<string, object?>("writer", writer));
                Interlocked.Increment(ref observed);
                if (i % 1_000 == 0) meter.CreateCounter<long>($"late_{writer}_{i}_total").Add(1);
            }
        })).ToArray();
        var scrapers = Enum.GetValues<ExpositionFormat>().Select(format => Task.Run(() => Watch(collector, format, done.Token))).ToArray();
        await Task.WhenAll(writers);
        await done.CancelAsync();
        await Task.WhenAll(scrapers);

        var samples = collector.Parse(ExpositionFormat.OpenMetrics).Samples;
        Assert.Equal(Writers * Rounds, samples.Where(sample => sample.Key.StartsWith("busy_total{")).Sum(sample => sample.Value));
        Assert.Equal(Writers * Rounds, samples.Where(sample => sample.Key.StartsWith("busy_seconds_count{")).Sum(sample => sample.Value));
        Assert.Equal(Writers * Rounds, samples["observed_total{}"]);
    }

    private static void Watch(MetricsCollector collector, ExpositionFormat format, CancellationToken done)
    {
        var before = new Dictionary<string, double>();
        do
        {
            var now = collector.Parse(format).Samples;
            foreach (var (series, value) in before) Assert.True(now.TryGetValue(series, out var later) && later >= value, $"{series} fell from {value}");
            before = new Dictionary<string, double>(now);
        }
        while (!done.IsCancellationRequested);
    }
}
