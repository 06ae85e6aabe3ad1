using Metering.Service.Tenants;

namespace Metering.Service.Ledger;

/// <summary>A workload as the ledger knows it.</summary>
internal sealed class WorkloadEntry
{
    public long Id { get; set; }

    public required string Host { get; init; }

    public required string Kind { get; init; }

    /// <summary>The workload's id on its host.</summary>
    public required string Key { get; init; }

    /// <summary>The cgroup path last reported.</summary>
    public required string Path { get; set; }

    /// <summary>Name and labels over time; before the entry is saved, what was seen first.</summary>
    internal required AttributeHistory Attributes { get; set; }

    /// <summary>What was seen since, and is still to be saved.</summary>
    internal List<AttributeVersion> Observed { get; } = [];

    /// <summary>What the ledger had when the transaction under way met it; null when it is new or has exactly these attributes.</summary>
    internal StoredAttributes? Stored { get; set; }

    /// <summary>Raised when <see cref="Attributes"/> change: whoever remembers an older number asks again.</summary>
    internal int Revision { get; private set; }

    /// <summary>Whom it belongs to and when, by the rules of <see cref="OwnersRevision"/>.</summary>
    public IReadOnlyList<OwnedInterval> Owners { get; set; } = [];

    public long OwnersRevision { get; set; } = -1;

    /// <summary>Saved by the transaction under way: it knows more than an entry of an earlier one.</summary>
    internal bool IsFresh { get; set; }

    /// <summary>The row of the group under way that was added to last; the group's writer sets it and takes it away.</summary>
    internal UsageRow? Row { get; set; }

    public OwnedInterval OwnerAt(long bucketSeconds) => OwnedInterval.At(Owners, bucketSeconds);

    /// <summary>Takes over what a later transaction has saved of the same workload.</summary>
    internal void Adopt(WorkloadEntry later)
    {
        Path = later.Path;
        (Owners, OwnersRevision) = (later.Owners, later.OwnersRevision);
        if (Attributes.Versions.Count != later.Attributes.Versions.Count || !Attributes.Latest.Same(later.Attributes.Latest)) Revision++;
        Attributes = later.Attributes;
    }
}
