namespace Metering.Exposition;

/// <summary>Takes the families that a source computes at scrape time.</summary>
public sealed class MetricsWriter
{
    private readonly HashSet<string> taken;
    private readonly int maxSeries;
    private readonly Action onRejected;
    private readonly Action onOverflow;
    private readonly List<MetricFamily> families = [];
    private readonly List<string> names = [];

    internal MetricsWriter(HashSet<string> taken, int maxSeries, Action onRejected, Action onOverflow)
    {
        this.taken = taken;
        this.maxSeries = maxSeries;
        this.onRejected = onRejected;
        this.onOverflow = onOverflow;
    }

    /// <summary>The families so far.</summary>
    internal IReadOnlyList<MetricFamily> Families => families;

    /// <summary>Every sample name of them.</summary>
    internal IReadOnlyList<string> Names => names;

    /// <summary>Begins a family of totals, with or without <c>_total</c> in its name.</summary>
    /// <param name="bound">Series that it may have; null: as many as every family.</param>
    /// <exception cref="InvalidOperationException">The name is in use by another family.</exception>
    public SampledFamily Counter(string name, string help, string? unit = null, int? bound = null) => Begin(name, MetricType.Counter, help, unit, bound);

    /// <summary>Begins a family of values that go both ways.</summary>
    /// <param name="bound">Series that it may have; null: as many as every family.</param>
    /// <exception cref="InvalidOperationException">The name is in use by another family.</exception>
    public SampledFamily Gauge(string name, string help, string? unit = null, int? bound = null) => Begin(name, MetricType.Gauge, help, unit, bound);

    private SampledFamily Begin(string name, MetricType type, string help, string? unit, int? bound)
    {
        var family = new MetricFamily(MetricName.Family(name, type), type, MetricName.Unit(unit), help, [], bound ?? maxSeries);
        var own = MetricName.SampleNames(family.Name, type).ToList();
        if (own.Any(one => taken.Contains(one) || names.Contains(one))) throw new InvalidOperationException($"The metric name '{name}' is in use already.");
        names.AddRange(own);
        families.Add(family);
        return new SampledFamily(family, onRejected, onOverflow);
    }
}
