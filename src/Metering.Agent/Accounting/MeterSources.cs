using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

/// <summary>Chooses where the meters of a host are read: v2 alone, v1 groups joined to a v2 tree, or v1 alone, whose CPU is cpuacct's.</summary>
internal static class MeterSources
{
    /// <param name="mounts">Of this host; null when the tree is one of its own (a subtree that was named, a test's directory).</param>
    public static IMeterSource For(KernelTree tree, CgroupMounts? mounts, PassOptions options, PassCounters counters)
    {
        var processors = HostFacts.Read().Cpus;
        if (mounts is null) return new V2Source(tree, options, counters, new BlockDevices(), new V2SlowFiles(tree, counters, processors));
        var unified = tree.CpuIsNanoseconds ? null : new V2SlowFiles(tree, counters, processors, sizes: null, mounts.Options);
        if (!mounts.IsHybrid && !tree.CpuIsNanoseconds) return new V2Source(tree, options, counters, new BlockDevices(), unified!);
        var groups = new V1Groups(mounts, joinBy: tree.CpuIsNanoseconds ? "cpuacct" : null);
        return new V1Source(groups, tree, unified, new V1SlowFiles(groups, processors));
    }

    /// <summary>The mounts that speak for a tree: null when the tree is not the whole of one of them.</summary>
    public static CgroupMounts? MountsOf(KernelTree tree)
    {
        if (!File.Exists("/proc/self/mountinfo") || CgroupMounts.Parse(File.ReadLines("/proc/self/mountinfo")) is not { } mounts) return null;
        return mounts.Unified.TrimEnd('/') == tree.MountPoint || (tree.CpuIsNanoseconds && mounts.V1.TryGetValue("cpuacct", out var cpuacct) && cpuacct == tree.MountPoint) ? mounts : null;
    }
}
