namespace Metering.Exposition;

/// <summary>A family that a source fills. Equal labels are one series: a counter adds up, a gauge keeps the last.</summary>
public sealed class SampledFamily
{
    private readonly MetricFamily family;
    private readonly Action onRejected;
    private readonly Action onOverflow;

    internal SampledFamily(MetricFamily family, Action onRejected, Action onOverflow)
    {
        this.family = family;
        this.onRejected = onRejected;
        this.onOverflow = onOverflow;
    }

    /// <summary>A sample. A counter refuses a negative value, and every family one that is not finite; both are counted.</summary>
    public void Sample(long value, params ReadOnlySpan<(string Name, string? Value)> labels) => Put(MetricNumber.Of(value), labels);

    /// <inheritdoc cref="Sample(long, ReadOnlySpan{ValueTuple{string, string}})"/>
    public void Sample(double value, params ReadOnlySpan<(string Name, string? Value)> labels) => Put(MetricNumber.Of(value), labels);

    private void Put(MetricNumber value, ReadOnlySpan<(string Name, string? Value)> labels)
    {
        if (!family.Accepts(value))
        {
            onRejected();
            return;
        }

        using var text = new LabelText();
        foreach (var (name, labelValue) in labels) text.Add(name, labelValue);
        var series = (NumberSeries?)family.Find(text.Build(), out var overflowed);
        if (overflowed) onOverflow();
        if (family.Type == MetricType.Counter) series?.Add(value);
        else series?.Set(value);
    }
}
