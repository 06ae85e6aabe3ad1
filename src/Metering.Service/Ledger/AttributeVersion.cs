namespace Metering.Service.Ledger;

/// <summary>Name and labels of a workload as they were from a bucket on.</summary>
/// <param name="From">Start of the bucket in which they were first seen, Unix seconds.</param>
/// <param name="Labels">Never changed once it is here.</param>
internal sealed record AttributeVersion(long From, string Name, IReadOnlyDictionary<string, string> Labels)
{
    /// <summary>A name that the id already holds is what a path alone tells: it says nothing that a better name would contradict.</summary>
    public bool HasName(string key) => Name.Length > 0 && !key.Contains(Name, StringComparison.Ordinal);

    public bool Same(AttributeVersion other) => Name == other.Name && Labels.Count == other.Labels.Count && Labels.All(label => other.Labels.TryGetValue(label.Key, out var value) && value == label.Value);
}
