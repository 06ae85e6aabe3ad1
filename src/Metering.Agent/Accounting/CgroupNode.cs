using Metering.Agent.Workloads;

namespace Metering.Agent.Accounting;

/// <summary>One cgroup instance: (boot, inode). The path is an attribute; another instance may live there later.</summary>
internal sealed class CgroupNode(ulong inode, string path, CgroupNode? parent, Workload workload)
{
    public ulong Inode { get; private set; } = inode;
    public string Path { get; private set; } = path;
    public CgroupNode? Parent { get; private set; } = parent;
    public readonly List<CgroupNode> Children = [];

    /// <summary>Whose it is; name and labels may come later. The id changes when the cgroup passes to another tenant (the next job of a slot); the kind never does.</summary>
    public Workload Workload { get; private set; } = workload;

    /// <summary>As the path alone tells it.</summary>
    public Workload Recognised { get; private set; } = workload;

    /// <summary>Name or labels came from elsewhere than the path, so the journal keeps them.</summary>
    public bool Described;

    /// <summary>The journal has the present description.</summary>
    public bool DescriptionStored;

    /// <summary>The service is to hear of a new description, also when nothing was used.</summary>
    public bool Renamed;

    /// <summary>Kept descriptor of cpu.stat, −1 when none could be kept.</summary>
    public int CpuHandle = -1;

    /// <summary>inotify id of the directory; −1 when it is not watched and so is listed at every pass.</summary>
    public int Watch = -1;

    public Account Cpu;
    public MemoryState? Memory;
    public IoState? Io;
    public PeakState? Pids;
    public SlowState? Slow;

    /// <summary>Its slow files have been read.</summary>
    public bool IsKnownSlow;

    /// <summary>By family: why it is not, or not wholly, metered for this cgroup although the host has it.</summary>
    public string?[]? Notes;

    /// <summary>Children are to be listed in full: at the start, after lost events, where there is no watch.</summary>
    public bool NeedsListing = true;

    /// <summary>Something below was born or died, so that pruning must not skip it.</summary>
    public bool Attention;

    /// <summary>A complete enumeration of this directory was journalled: what appears in it later was born later.</summary>
    public bool Enumerated;

    /// <summary>Proved to be younger than an earlier complete enumeration: counts from zero.</summary>
    public bool BornLater;

    /// <summary>Children met in bucket <see cref="NamesBucket"/>: bounded, so that a tenant who makes a million names costs no more than the bound.</summary>
    public int Names;
    public long NamesBucket;

    /// <summary>All its counters count from zero, not from a baseline.</summary>
    public bool FromZero;

    /// <summary>Children were left out (bound of names, no descriptors): listed again in the next bucket.</summary>
    public bool Refused;

    /// <summary>What events told of its children; null until the first.</summary>
    public ChildEvents? Events;

    /// <summary>Children that ended since what they used was last settled.</summary>
    public List<CgroupNode>? Dying;

    /// <summary>inotify id of its <c>cgroup.events</c>; −1 when its end is not announced.</summary>
    public int EventsWatch = -1;

    /// <summary>Watched since before its children were listed, and no event was lost: every death among them is told.</summary>
    public bool Sure;

    /// <summary>Everything that ended below it is settled, and no event of a child was lost since.</summary>
    public bool Clean;

    /// <summary>It holds no processes of its own, and all that they used is published: what its children do not account for is of those that ended.</summary>
    public bool Vacant;

    /// <summary>It held no processes of its own after the last reading.</summary>
    public bool Emptied;

    /// <summary>Read after its last process had left: its figure is final.</summary>
    public bool Complete;

    /// <summary>Its cpu.stat could not be read when its parent's was: what it used meanwhile is its parent's own.</summary>
    public bool Missed;

    /// <summary>Read in the level under way, with its siblings, and not descended into yet.</summary>
    public bool InLevel;

    /// <summary>The pass (or the time before it) in which it was last read.</summary>
    public long LookedAt = -1;

    /// <summary>When it was met and when it was last read, in microseconds of the clock that nothing sets.</summary>
    public long MetAt, ReadAt;

    /// <summary>The part of its own use that it was given at its end, and how: <see cref="Messages.Origin.Settled"/> or <see cref="Messages.Origin.Estimated"/>.</summary>
    public ulong GivenAtEnd;
    public Messages.Origin GivenAs;

    /// <summary>cpu.stat moved in this pass or since the one before it.</summary>
    public bool Active;

    /// <summary>Has changed since the journal stored it.</summary>
    public bool Touched;

    /// <summary>The journal, and so the service, knows of this workload.</summary>
    public bool Announced;

    /// <summary>The instance has ended.</summary>
    public bool Gone;

    /// <summary>Ended, and no longer among its parent's children.</summary>
    public bool Detached;

    /// <summary>The last sandwich: the reading before and after the children, relative to the baseline; valid when <see cref="SandwichPass"/> is this pass.</summary>
    public ulong SandwichBefore, SandwichAfter, SandwichBelow, SandwichHeld;
    public long SandwichPass = -1;

    /// <summary>The constant part of this workload's record, encoded once.</summary>
    public byte[]? RecordPrefix;

    /// <summary>Takes a later name and labels, and the id of whoever has it from now on; what was announced is announced again.</summary>
    public void Describe(string id, string name, IReadOnlyDictionary<string, string> labels)
    {
        Workload = Workload with { Id = id, Name = name, Labels = labels };
        (Described, DescriptionStored, Renamed, RecordPrefix) = (true, false, true, null);
    }

    /// <summary>
    /// This object stands for another instance from now on, as if it had been made for it: births and deaths then leave no garbage behind.
    /// Only for one that is <see cref="Detached"/> and that nothing refers to.
    /// </summary>
    public void Become(ulong inode, string path, CgroupNode? parent, Workload workload)
    {
        (Inode, Path, Parent, Workload, Recognised, IsWalked) = (inode, path, parent, workload, workload, !workload.Whole);
        Children.Clear();
        (Described, DescriptionStored, Renamed) = (false, false, false);
        (CpuHandle, Watch, EventsWatch) = (-1, -1, -1);
        (Cpu, Memory, Io, Pids, Slow, IsKnownSlow, Notes) = (default, null, null, null, null, false, null);
        (NeedsListing, Attention, Enumerated, BornLater, FromZero, Refused) = (true, false, false, false, false, false);
        (Names, NamesBucket) = (0, 0);
        (Events, Dying) = (null, null);
        (Sure, Clean, Vacant, Emptied, Complete, Missed, InLevel) = (false, false, false, false, false, false, false);
        (LookedAt, MetAt, ReadAt, GivenAtEnd, GivenAs) = (-1, 0, 0, 0, default);
        (Active, Touched, Announced, Gone, Detached) = (false, false, false, false, false);
        (SandwichBefore, SandwichAfter, SandwichBelow, SandwichHeld, SandwichPass) = (0, 0, 0, 0, -1);
        RecordPrefix = null;
    }

    /// <summary>Children are walked; false for what is billed as a whole. The kind decides, which never changes.</summary>
    public bool IsWalked { get; private set; } = !workload.Whole;
}
