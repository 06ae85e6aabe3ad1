namespace Metering.Exposition;

/// <summary>One series of a family: the labels and what was recorded under them. Safe to record from any thread.</summary>
internal abstract class MetricSeries(string labels)
{
    /// <summary>As written between the braces.</summary>
    public string Labels => labels;

    /// <summary>Writes the samples, or nothing and false when this series ended with what it observed.</summary>
    public abstract bool TryWrite(ExpositionWriter writer, string family, MetricType type, long scrape);
}
