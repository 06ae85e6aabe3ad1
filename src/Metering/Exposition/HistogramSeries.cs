namespace Metering.Exposition;

/// <summary>A histogram with explicit, inclusive upper bounds in rising order.</summary>
internal sealed class HistogramSeries(string labels, double[] bounds) : MetricSeries(labels)
{
    private readonly Lock gate = new();
    private readonly long[] counts = new long[bounds.Length + 1];
    private double sum;

    public void Record(double value)
    {
        var index = Array.BinarySearch(bounds, value);
        lock (gate)
        {
            counts[index < 0 ? ~index : index]++;
            sum += value;
        }
    }

    public override bool TryWrite(ExpositionWriter writer, string family, MetricType type, long scrape)
    {
        // One snapshot: the last bucket must equal the count whatever is recorded meanwhile.
        Span<long> now = stackalloc long[counts.Length];
        double total;
        lock (gate)
        {
            counts.CopyTo(now);
            total = sum;
        }

        var cumulative = 0L;
        for (var i = 0; i < now.Length; i++)
        {
            cumulative += now[i];
            writer.BeginBucket(family, Labels, i < bounds.Length ? bounds[i] : double.PositiveInfinity);
            writer.End(cumulative);
        }

        // With negative observations the sum may go down, and OpenMetrics then forbids it, and the count with it.
        if (bounds is [< 0, ..]) return true;
        writer.Begin(family, "_sum", Labels);
        writer.End(MetricNumber.Of(total));
        writer.Begin(family, "_count", Labels);
        writer.End(cumulative);
        return true;
    }
}
