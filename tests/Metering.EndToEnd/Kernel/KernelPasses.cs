using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.EndToEnd.Line;

namespace Metering.EndToEnd.Kernel;

/// <summary>Passes over a test's own part of the kernel's tree, each when the test says so, and what they bill.</summary>
internal sealed class KernelPasses : IDisposable
{
    private readonly KernelTree _tree;
    private readonly string _top;
    private long _pass;

    /// <param name="wrap">Stands between the meterer and the kernel.</param>
    public KernelPasses(TestCgroup top, PassOptions? options = null, Func<ICgroupTree, ICgroupTree>? wrap = null)
    {
        _top = top.Path;
        _tree = new KernelTree(CgroupMounts.Read().Unified + top.Path);
        Meterer = new Meterer(wrap?.Invoke(_tree) ?? _tree, Raw, options ?? new PassOptions(Memory: false, Io: false, Pids: false, MaxWorkloadsPerParent: 1_000_000));
    }

    public Meterer Meterer { get; }

    public PassCounters Counters => Meterer.Counters;

    /// <summary>What each instance that has ended was billed, in the order of their ends; paths are below the cgroup2 root.</summary>
    public List<(string Path, ulong Inode, long Microseconds)> Ended { get; } = [];

    public void Pass()
    {
        Meterer.Run(++_pass * 500_000, Posix.BootMicroseconds());
        foreach (var node in Meterer.Ended) Ended.Add((_top + node.Path, node.Inode, (long)node.Cpu.Own));
        Meterer.Journalled();
    }

    /// <summary>Acts on what was told, as the agent does within microseconds.</summary>
    public void Follow() => Meterer.Follow(Posix.BootMicroseconds());

    public CgroupNode Node(TestCgroup cgroup) => Meterer.Nodes.Single(node => _top + (node.Path == "/" ? "" : node.Path) == cgroup.Path);

    /// <summary>Everything billed below a cgroup and for itself: Σ over what lives, what ended is in its parent's sum.</summary>
    public long Billed(TestCgroup cgroup) => Meterer.Nodes.Where(node => (_top + node.Path).StartsWith(cgroup.Path, StringComparison.Ordinal)).Sum(node => (long)(node.Cpu.Own + node.Cpu.Dead));

    public void Dispose()
    {
        Meterer.CloseAll();
        _tree.Dispose();
    }

    private static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };
}
