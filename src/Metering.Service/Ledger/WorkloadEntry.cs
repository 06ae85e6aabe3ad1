using Metering.Service.Tenants;

namespace Metering.Service.Ledger;

/// <summary>A workload as the ledger knows it. Attributes are those last reported.</summary>
public sealed class WorkloadEntry
{
    public long Id { get; set; }

    public required string Host { get; init; }

    public required string Kind { get; init; }

    /// <summary>The workload's id on its host.</summary>
    public required string Key { get; init; }

    public required string Name { get; init; }

    public required string Path { get; init; }

    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>Whom it belongs to and when, by the rules of <see cref="OwnersRevision"/>.</summary>
    public IReadOnlyList<OwnedInterval> Owners { get; set; } = [];

    public long OwnersRevision { get; set; } = -1;

    /// <summary>The row of the group under way that was added to last; the group's writer sets it and takes it away.</summary>
    internal UsageRow? Row { get; set; }

    public OwnedInterval OwnerAt(long bucketSeconds)
    {
        foreach (var interval in Owners)
        {
            if (bucketSeconds >= interval.From && bucketSeconds < interval.To) return interval;
        }

        return OwnedInterval.Unattributed;
    }
}
