using System.Buffers;
using System.Diagnostics.Metrics;

namespace Metering.Exposition;

/// <summary>
/// Collects the instruments of our meters and writes them for a scraper. Series are never dropped for being idle, counters never go down, label sets are
/// bounded, and what could not be kept is itself counted (<c>metering_exposition_…</c>).
/// </summary>
public sealed class MetricsCollector : IMetricsExporter
{
    // Names are given by code, so a clash is settled by the first suffix or the second.
    private const int MaxNameAttempts = 100;

    private readonly MetricsCollectorOptions options;
    private readonly MeterListener listener = new();
    private readonly Lock registering = new();
    private readonly Lock scraping = new();
    private readonly SortedDictionary<string, MetricFamily> families = new(StringComparer.Ordinal);
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly List<Action<MetricsWriter>> sources = [];
    private readonly NumberSeries rejected;
    private readonly NumberSeries overflowed;
    private readonly NumberSeries failed;
    private long scrape;

    /// <summary>Starts to listen at once, to instruments that exist and to those to come.</summary>
    public MetricsCollector(MetricsCollectorOptions? options = null)
    {
        this.options = options ?? new MetricsCollectorOptions();
        rejected = OwnCounter("metering_exposition_rejected_measurements_total", "Measurements that no series can take: negative, not a number, or with a label that failed.");
        overflowed = OwnCounter("metering_exposition_overflow_measurements_total", "Measurements beyond the series that a family may have.");
        failed = OwnCounter("metering_exposition_source_failures_total", "Observable instruments and scrape-time sources that threw.");
        listener.InstrumentPublished = OnPublished;
        listener.MeasurementsCompleted = static (_, state) => (state as InstrumentState)?.Family.Complete((InstrumentState)state!);
        listener.SetMeasurementEventCallback<byte>((_, value, tags, state) => Record(state, MetricNumber.Of((long)value), tags));
        listener.SetMeasurementEventCallback<short>((_, value, tags, state) => Record(state, MetricNumber.Of((long)value), tags));
        listener.SetMeasurementEventCallback<int>((_, value, tags, state) => Record(state, MetricNumber.Of((long)value), tags));
        listener.SetMeasurementEventCallback<long>((_, value, tags, state) => Record(state, MetricNumber.Of(value), tags));
        listener.SetMeasurementEventCallback<float>((_, value, tags, state) => Record(state, MetricNumber.Of((double)value), tags));
        listener.SetMeasurementEventCallback<double>((_, value, tags, state) => Record(state, MetricNumber.Of(value), tags));
        listener.SetMeasurementEventCallback<decimal>((_, value, tags, state) => Record(state, MetricNumber.Of((double)value), tags));
        listener.Start();
    }

    /// <inheritdoc/>
    public IDisposable AddSource(Action<MetricsWriter> source)
    {
        lock (registering) sources.Add(source);
        return new Removal(() =>
        {
            lock (registering) sources.Remove(source);
        });
    }

    /// <inheritdoc/>
    public void Write(ExpositionFormat format, IBufferWriter<byte> output)
    {
        // One scrape at a time: observable instruments report to the scrape that asked.
        lock (scraping)
        {
            scrape++;
            Observe();
            var all = WithSources();
            var writer = new ExpositionWriter(format, output);
            foreach (var family in all.OrderBy(family => family.Name, StringComparer.Ordinal)) family.Write(writer, scrape);
            writer.Finish();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => listener.Dispose();

    private void Observe()
    {
        try
        {
            listener.RecordObservableInstruments();
        }
        catch (AggregateException exception)
        {
            // The listener runs every callback and gathers what they threw: one failing gauge costs the others nothing.
            failed.Add(MetricNumber.Of((long)exception.InnerExceptions.Count));
        }
    }

    private List<MetricFamily> WithSources()
    {
        List<MetricFamily> all;
        HashSet<string> names;
        Action<MetricsWriter>[] asked;
        lock (registering)
        {
            all = [.. families.Values];
            names = new HashSet<string>(taken, StringComparer.Ordinal);
            asked = [.. sources];
        }

        foreach (var source in asked)
        {
            var writer = new MetricsWriter(names, options.MaxSeriesPerFamily, OnRejected, OnOverflow);
            try
            {
                source(writer);
            }
            catch (Exception)
            {
                // Whatever a source throws, the scrape must say the rest: an operator needs it most when something fails.
                failed.Add(MetricNumber.Of(1L));
                continue;
            }

            names.UnionWith(writer.Names);
            all.AddRange(writer.Families);
        }

        return all;
    }

    private void OnPublished(Instrument instrument, MeterListener to)
    {
        if (!instrument.Meter.Name.StartsWith(options.MeterPrefix, StringComparison.Ordinal)) return;
        if (!InstrumentState.TryClassify(instrument, out var kind, out var type)) return;
        MetricFamily family;
        lock (registering)
        {
            family = FindOrAdd(instrument.Name, type, instrument.Unit, instrument.Description ?? "", Bounds(instrument));
        }

        to.EnableMeasurementEvents(instrument, new InstrumentState(kind, family, [.. instrument.Meter.Tags ?? [], .. instrument.Tags ?? []]));
    }

    private MetricFamily FindOrAdd(string instrument, MetricType type, string? unit, string help, double[] bounds)
    {
        var wanted = MetricName.Family(instrument, type);
        for (var attempt = 0; attempt < MaxNameAttempts; attempt++)
        {
            var name = attempt switch
            {
                0 => wanted,
                1 => $"{wanted}_{type.ToString().ToLowerInvariant()}",
                _ => $"{wanted}_{attempt}",
            };
            if (families.TryGetValue(name, out var family) && family.Type == type) return family;
            var names = MetricName.SampleNames(name, type).ToList();
            if (names.Exists(taken.Contains)) continue;
            taken.UnionWith(names);
            family = new MetricFamily(name, type, MetricName.Unit(unit), help, bounds, options.MaxSeriesPerFamily);
            families.Add(name, family);
            return family;
        }

        throw new InvalidOperationException($"No free metric name for the instrument '{instrument}'.");
    }

    private double[] Bounds(Instrument instrument)
    {
        // The advice is typed by the instrument, and the histogram is the only instrument that has one.
        var advised = instrument switch
        {
            Histogram<double> histogram => histogram.Advice?.HistogramBucketBoundaries,
            Histogram<float> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<long> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<int> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<short> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<byte> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<decimal> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            _ => null,
        };
        return [.. (advised ?? options.DefaultBuckets).Where(double.IsFinite).Distinct().Order()];
    }

    private void Record(object? state, MetricNumber value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (state is not InstrumentState instrument) return;
        try
        {
            if (!instrument.Family.Accepts(value))
            {
                OnRejected();
                return;
            }

            using var text = new LabelText();
            foreach (var (key, tag) in instrument.ConstantTags) text.Add(key, tag);
            foreach (var (key, tag) in tags) text.Add(key, tag);
            var series = instrument.Family.Find(text.Build(), out var isOverflow);
            if (isOverflow) OnOverflow();
            Put(instrument, series, value);
        }
        catch (Exception)
        {
            // A tag whose ToString throws must not reach the code that counts something.
            OnRejected();
        }
    }

    private void Put(InstrumentState instrument, MetricSeries? series, MetricNumber value)
    {
        switch (series)
        {
            case HistogramSeries histogram: histogram.Record(value.ToDouble()); break;
            case NumberSeries number when instrument.Kind == InstrumentKind.Increment: number.Add(value); break;
            case NumberSeries number when instrument.Kind == InstrumentKind.Value: number.Set(value); break;
            case NumberSeries number: number.Observe(instrument, value, scrape); break;
            default: break;
        }
    }

    private void OnRejected() => rejected.Add(MetricNumber.Of(1L));

    private void OnOverflow() => overflowed.Add(MetricNumber.Of(1L));

    private NumberSeries OwnCounter(string name, string help)
    {
        var series = (NumberSeries)FindOrAdd(name, MetricType.Counter, null, help, []).Find("", out _)!;
        series.Add(default);
        return series;
    }

    private sealed class Removal(Action remove) : IDisposable
    {
        private Action? remove = remove;

        public void Dispose() => Interlocked.Exchange(ref remove, null)?.Invoke();
    }
}
