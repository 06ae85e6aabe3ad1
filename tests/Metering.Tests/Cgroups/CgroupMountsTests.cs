using Metering.Agent.Cgroups;
using Xunit;

namespace Metering.Tests.Cgroups;

public sealed class CgroupMountsTests
{
    [Fact]
    public void A_hybrid_host_has_both()
    {
        var mounts = CgroupMounts.Parse(
        [
            "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
            "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
            "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
            "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw",
        ])!;

        Assert.Equal("/sys/fs/cgroup/unified", mounts.Unified);
        Assert.Equal("/sys/fs/cgroup/memory", mounts.V1["memory"]);
        Assert.Equal("/sys/fs/cgroup/cpu,cpuacct", mounts.V1["cpuacct"]);
        Assert.True(mounts.IsHybrid);
    }

    [Fact]
    public void A_pure_host_has_one_and_escapes_are_undone()
    {
        var mounts = CgroupMounts.Parse([@"30 23 0:26 / /mnt/my\040groups rw - cgroup2 cgroup2 rw,nsdelegate"])!;

        Assert.Equal("/mnt/my groups", mounts.Unified);
        Assert.False(mounts.IsHybrid);
    }

    [Fact]
    public void Of_two_the_whole_tree_wins_over_a_part_of_it() => Assert.Equal("/host/sys/fs/cgroup", CgroupMounts.Parse(
    [
        "30 23 0:26 /docker/abc /cg rw - cgroup2 cgroup rw",
        "31 23 0:26 / /host/sys/fs/cgroup rw - cgroup2 cgroup rw",
    ])!.Unified);

    [Fact]
    public void Without_cgroup2_the_hierarchy_of_cpuacct_stands_in()
    {
        var mounts = CgroupMounts.Parse(["33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct", "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"])!;

        Assert.Equal(("/sys/fs/cgroup/cpu,cpuacct", true, true), (mounts.Unified, mounts.CpuIsV1, mounts.IsHybrid));
    }

    [Fact]
    public void Options_of_the_cgroup2_mount_are_kept() => Assert.Contains("memory_hugetlb_accounting", CgroupMounts.Parse(["30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate,memory_hugetlb_accounting"])!.Options);

    [Fact]
    public void Without_cgroup2_there_is_nothing_to_read() => Assert.Null(CgroupMounts.Parse(["35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory", "nonsense", ""]));
}
