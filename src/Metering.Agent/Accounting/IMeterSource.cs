using Metering.Meters;

namespace Metering.Agent.Accounting;

/// <summary>Where memory, block I/O and pids of a cgroup are read: its own v2 files, or v1 groups joined by member process.</summary>
internal interface IMeterSource
{
    /// <summary>True when a parent's figure holds its children's (v2), so that the claim rule applies.</summary>
    bool IsHierarchical { get; }

    /// <summary>Called once at the start of a pass.</summary>
    void BeginPass(Meterer meterer);

    /// <summary>False when no cgroup of this host can have figures of the family: its walk is then saved.</summary>
    bool Has(MeterFamily family);

    /// <summary>Present memory level in bytes; false when unknown.</summary>
    bool TryMemory(CgroupNode node, MemoryState state, out ulong bytes);

    /// <summary>Feeds every device's line into the state; false when unknown.</summary>
    bool TryIo(CgroupNode node, IoState state, bool countFirst);

    /// <summary>Tasks: the kernel's own peak, else the present number; false when unknown.</summary>
    bool TryPids(CgroupNode node, PeakState state, out ulong tasks);

    /// <summary>Reads what is wanted of the slow files; what is unknown is left out.</summary>
    void ReadSlow(CgroupNode node, SlowState state, Facts facts);

    /// <summary>Says what of a family that the host has is missing for this cgroup, and why.</summary>
    void Annotate(CgroupNode node, SlowState state, Action<CgroupNode, MeterFamily, string?> note);

    /// <summary>memory.events counts no cgroup below (mount option memory_localevents).</summary>
    bool EventsAreLocal { get; }

    /// <summary>The instance is gone: close what is open for it.</summary>
    void Forget(CgroupNode node);

    /// <summary>Per family, and per meter that differs from its family: <c>exact</c>, <c>best-effort</c>, <c>partial</c> or <c>unavailable: reason</c>, for doctor and the inventory.</summary>
    IReadOnlyDictionary<string, string> Availability { get; }
}
