namespace Metering.Service.Reports;

/// <summary>A combination of what a report groups by. One object for each, so that rows find their group by it.</summary>
/// <param name="key">Value by dimension, as <see cref="CostRowView"/> shows it.</param>
internal sealed class Facet(IReadOnlyDictionary<string, object> key)
{
    public IReadOnlyDictionary<string, object> Key => key;

    /// <summary>What rows of a step are ordered by.</summary>
    public string Order { get; } = string.Concat(key.Values.Select(value => "\u001f" + (value is WorkloadKey workload ? $"{workload.Host}\u001e{workload.Kind}\u001e{workload.Id}" : value)));
}
