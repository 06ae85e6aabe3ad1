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

    /// <summary>By meter family: partial or unavailable, and why; as last said. Never changed once it is here.</summary>
    public IReadOnlyDictionary<string, string> Availability { get; set; } = new SortedDictionary<string, string>();

    /// <summary>The availability that the ledger had when the transaction under way saved it; null before.</summary>
    internal string? StoredAvailability { get; set; }

    /// <summary>The name and labels that were said last, by which instance, and the end of that window in Unix microseconds.</summary>
    internal AttributeVersion? Said { get; private set; }

    /// <summary>What the transaction under way has met of the same workload with other attributes; null without.</summary>
    internal WorkloadEntry? InFlight { get; set; }

    private ulong _saidBy;
    private long _saidAt;

    /// <summary>Raised when <see cref="Attributes"/> change: whoever remembers an older number asks again.</summary>
    internal int Revision { get; private set; }

    /// <summary>Whom it belongs to and when, by the rules of <see cref="OwnersRevision"/>.</summary>
    public IReadOnlyList<OwnedInterval> Owners { get; set; } = [];

    public long OwnersRevision { get; set; } = -1;

    /// <summary>Saved by the transaction under way: it knows more than an entry of an earlier one.</summary>
    internal bool IsFresh { get; set; }

    /// <summary>The row of the group under way that was added to last; the group's writer sets it and takes it away.</summary>
    internal UsageRow? Row { get; set; }

    /// <summary>The quotas that it counts for, as last found.</summary>
    internal Quotas.QuotasOfWorkload? Quotas { get; set; }

    public OwnedInterval OwnerAt(long bucketSeconds) => OwnedInterval.At(Owners, bucketSeconds);

    internal void Say(AttributeVersion seen, ulong inode, long windowEnd)
    {
        if (windowEnd >= _saidAt) (Said, _saidBy, _saidAt) = (seen, inode, windowEnd);
    }

    /// <summary>
    /// Whether attributes that others have replaced since are to be heard when they come again: from the instance that said the others itself, at a later time, always, for it was renamed back;
    /// from another instance only in a later bucket, or two that do not agree would have it written again with every batch.
    /// </summary>
    internal bool MaySayOtherwise(long bucket, ulong inode, long windowEnd) => inode == _saidBy && inode != 0 ? windowEnd > _saidAt : bucket > (Said?.From ?? long.MinValue);

    /// <summary>Takes over what a later transaction has saved of the same workload.</summary>
    internal void Adopt(WorkloadEntry later)
    {
        Path = later.Path;
        Availability = later.Availability;
        if (later.Said is { } said) Say(said, later._saidBy, later._saidAt);
        (Owners, OwnersRevision) = (later.Owners, later.OwnersRevision);
        if (Attributes.Versions.Count != later.Attributes.Versions.Count || !Attributes.Latest.Same(later.Attributes.Latest)) Revision++;
        Attributes = later.Attributes;
    }
}
