namespace Metering.Service.Rating;

/// <summary>What prices may select workloads by, over time: a label that changed counts with each value for as long as it held. Immutable.</summary>
internal sealed class TraitsHistory
{
    /// <summary>Traits until an instant (Unix seconds, exclusive).</summary>
    internal readonly record struct Version(WorkloadTraits Traits, long Until);

    private readonly Func<long, IReadOnlyList<Version>> _versions;

    /// <param name="versions">By the ledger's id, in the order of time; the last one has no end.</param>
    public TraitsHistory(IReadOnlyDictionary<long, IReadOnlyList<Version>> versions) => _versions = workload => versions.GetValueOrDefault(workload) ?? [];

    private TraitsHistory(Func<long, IReadOnlyList<Version>> versions) => _versions = versions;

    /// <summary>Traits that never change.</summary>
    public static TraitsHistory Fixed(Func<long, WorkloadTraits> traits) => new(workload => [new Version(traits(workload), long.MaxValue)]);

    /// <summary>The traits at an instant, and until when they hold.</summary>
    public Version At(long workload, long seconds)
    {
        foreach (var version in _versions(workload))
        {
            if (seconds < version.Until) return version;
        }

        return new Version(WorkloadTraits.Unknown, long.MaxValue);
    }
}
