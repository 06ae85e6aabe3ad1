using Metering.Agent.Workloads;

namespace Metering.Agent.Accounting;

/// <summary>One cgroup instance: (boot, inode). The path is an attribute; another instance may live there later.</summary>
internal sealed class CgroupNode(ulong inode, string path, CgroupNode? parent, Workload workload)
{
    public readonly ulong Inode = inode;
    public readonly string Path = path;
    public readonly CgroupNode? Parent = parent;
    public readonly List<CgroupNode> Children = [];

    /// <summary>Whose it is; name and labels may come later, kind and id never change.</summary>
    public Workload Workload { get; private set; } = workload;

    /// <summary>As the path alone tells it.</summary>
    public readonly Workload Recognised = workload;

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

    /// <summary>Names of children that an event announced since the last visit.</summary>
    public List<string>? Births;

    /// <summary>cpu.stat moved in this pass.</summary>
    public bool Active;

    /// <summary>Has changed since the journal stored it.</summary>
    public bool Touched;

    /// <summary>The journal, and so the service, knows of this workload.</summary>
    public bool Announced;

    /// <summary>The instance has ended.</summary>
    public bool Gone;

    /// <summary>The last sandwich: the reading before and after the children, relative to the baseline; valid when <see cref="SandwichPass"/> is this pass.</summary>
    public ulong SandwichBefore, SandwichAfter, SandwichBelow, SandwichHeld;
    public long SandwichPass = -1;

    /// <summary>The constant part of this workload's record, encoded once.</summary>
    public byte[]? RecordPrefix;

    /// <summary>Takes a later name and labels; what was announced is announced again.</summary>
    public void Describe(string name, IReadOnlyDictionary<string, string> labels)
    {
        Workload = Workload with { Name = name, Labels = labels };
        (Described, DescriptionStored, Renamed, RecordPrefix) = (true, false, true, null);
    }

    /// <summary>Children are walked; false for what is billed as a whole.</summary>
    public bool IsWalked => !Workload.Whole;
}
