using System.Collections.Concurrent;

namespace Metering.Exposition;

/// <summary>All series of one name. Several instruments may feed it; their series with equal labels are one.</summary>
internal sealed class MetricFamily(string name, MetricType type, string unit, string help, double[] bounds, int maxSeries)
{
    private const string OverflowLabels = "overflow=\"true\"";

    private readonly ConcurrentDictionary<string, MetricSeries> series = new(StringComparer.Ordinal);
    private readonly Lock adding = new();
    private volatile int count;

    /// <summary>Without <c>_total</c>.</summary>
    public string Name => name;

    public MetricType Type => type;

    /// <summary>The series of these labels, made if there is room.</summary>
    /// <returns>The overflow series when there is none; null for a gauge, where one value for many series would mean nothing.</returns>
    public MetricSeries? Find(ReadOnlySpan<char> labels, out bool overflowed)
    {
        overflowed = false;
        if (series.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(labels, out var found)) return found;
        if (count < maxSeries)
        {
            lock (adding)
            {
                if (count < maxSeries) return GetOrAdd(labels.ToString());
            }
        }

        overflowed = true;
        if (type == MetricType.Gauge) return null;
        lock (adding) return GetOrAdd(OverflowLabels);
    }

    /// <summary>Takes the contributions of an instrument that is gone.</summary>
    public void Complete(InstrumentState owner)
    {
        foreach (var one in series.Values) (one as NumberSeries)?.Complete(owner);
    }

    /// <summary>Whether a value may go in: a counter takes only what lets it rise, a histogram only what its bounds foresee.</summary>
    public bool Accepts(MetricNumber value) => value.IsFinite && type switch
    {
        MetricType.Counter => !value.IsNegative,
        MetricType.Histogram => !value.IsNegative || bounds is [< 0, ..],
        _ => true,
    };

    /// <summary>Writes the family in the order of its labels, or nothing when it has no series yet.</summary>
    public void Write(ExpositionWriter writer, long scrape)
    {
        var sorted = series.Values.ToArray();
        if (sorted.Length == 0) return;
        Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Labels, b.Labels));
        writer.Family(name, type, unit, help);
        foreach (var one in sorted)
        {
            // Only gauges go: a counter without a value yet was made by a recorder that is about to add to it.
            if (!one.TryWrite(writer, name, type, scrape) && type == MetricType.Gauge) Remove(one);
        }
    }

    private void Remove(MetricSeries one)
    {
        lock (adding)
        {
            if (series.TryRemove(one.Labels, out _)) count--;
        }
    }

    private MetricSeries GetOrAdd(string labels)
    {
        if (series.TryGetValue(labels, out var found)) return found;
        MetricSeries added = type == MetricType.Histogram ? new HistogramSeries(labels, bounds) : new NumberSeries(labels);
        series[labels] = added;
        count++;
        return added;
    }
}
