using System.Collections.Frozen;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Tests.Simulation;
using Xunit;

namespace Metering.Tests.Cgroups;

/// <summary>The join of v1 groups to v2 cgroups by process, on a made tree of files.</summary>
public sealed class V1GroupsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("metering-v1-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Memory_of_a_group_goes_to_the_workload_that_its_processes_are_in_and_shared_groups_to_nobody()
    {
        var tree = new FakeTree(new Random(1)) { Lively = false };
        while (tree.Root.Children.Count < 2) tree.Bear(tree.Root);
        var (a, b) = (tree.Root.Children[0].Path, tree.Root.Children[1].Path);
        Process(1, a, memory: "/alpha");
        Process(2, a, memory: "/alpha/inner");
        Process(3, b, memory: "/alpha/other");
        Process(4, a, memory: "/shared");
        Process(5, b, memory: "/shared");
        Level("/alpha", 1000);
        Level("/alpha/inner", 300);
        Level("/alpha/other", 200);
        Level("/shared", 5000);
        var mounts = new CgroupMounts("/none", new Dictionary<string, string> { ["memory"] = Path.Combine(_root, "memory") }.ToFrozenDictionary());
        var source = new V1Source(new V1Groups(mounts, Path.Combine(_root, "proc")));
        var meterer = new Meterer(tree, path => new Workload { Kind = "raw", Id = path, Name = path, Path = path }, new PassOptions(Io: false, Pids: false), source);

        meterer.Run(10_000_000);
        meterer.Run(20_000_000);

        Assert.Equal(8_000UL, meterer.Nodes.Single(node => node.Path == a).Memory!.Account.Own);
        Assert.Equal(2_000UL, meterer.Nodes.Single(node => node.Path == b).Memory!.Account.Own);
        Assert.Equal(Metering.Messages.Availability.BestEffort, meterer.Nodes.Single(node => node.Path == a).Memory!.Availability);
    }

    [Fact]
    public void Without_cgroup2_everything_is_told_by_v1()
    {
        Group("/cpuacct", "", "cpuacct.usage", "9000000000\n");
        Group("/cpuacct", "/job", "cpuacct.usage", "5000000\n");
        Group("/memory", "/m", "memory.usage_in_bytes", "1000\n");
        Group("/memory", "/m", "memory.memsw.usage_in_bytes", "3000\n");
        Group("/memory", "/m", "memory.max_usage_in_bytes", "7000\n");
        Group("/memory", "/m", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
        Group("/memory", "/m", "memory.limit_in_bytes", "9223372036854771712\n");
        Group("/cpu", "/c", "cpu.cfs_period_us", "100000\n");
        Group("/cpu", "/c", "cpu.cfs_quota_us", "50000\n");
        Group("/cpu", "/c", "cpu.stat", "nr_periods 1\nnr_throttled 1\nthrottled_time 4000\n");
        Group("/freezer", "/f", "freezer.state", "FROZEN\n");
        Process(7, "5:cpuacct:/job\n4:memory:/m\n3:cpu:/c\n2:freezer:/f\n");
        var mounts = new CgroupMounts("", new[] { "cpuacct", "memory", "cpu", "freezer" }.ToFrozenDictionary(name => name, name => _root + "/" + name)).WithCpuacct();
        using var tree = new KernelTree(mounts.Unified);
        var options = new PassOptions(Prune: false, SlowEvery: 1);
        var meterer = new Meterer(tree, Raw, options, new V1Source(new V1Groups(mounts, _root + "/proc", "cpuacct"), tree, unified: null, new V1SlowFiles(new V1Groups(mounts, _root + "/proc", "cpuacct"), 4)));
        meterer.Run(10_000_000);

        Group("/cpuacct", "/job", "cpuacct.usage", "8000999\n");
        Group("/memory", "/m", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
        Group("/cpu", "/c", "cpu.stat", "nr_periods 1\nnr_throttled 1\nthrottled_time 9000\n");
        meterer.Run(20_000_000);

        var job = meterer.Nodes.Single(node => node.Path == "/job");
        Assert.True(tree.CpuIsNanoseconds);
        Assert.Equal((3000UL, 10_000UL, 7000UL), (job.Cpu.Used, job.Memory!.Account.Own, job.Memory.PeakBytes));
        Assert.Equal((20_000UL, 1UL, 5UL), (Billed(job, SlowMeter.Swap), Billed(job, SlowMeter.OomKills), Billed(job, SlowMeter.Throttled)));
        Assert.Equal((5_000_000UL, 10_000_000UL), (Billed(job, SlowMeter.CpuReserved), Billed(job, SlowMeter.Frozen)));
        Assert.False(job.Slow!.Tallies[SlowMeter.MemoryReserved].Started);
        Assert.All(new[] { SlowMeter.Swap, SlowMeter.OomKills, SlowMeter.Throttled, SlowMeter.CpuReserved, SlowMeter.Frozen }, meter => Assert.Equal(Metering.Messages.Availability.BestEffort, job.Slow.AvailabilityOf(meter)));
        meterer.CloseAll();
    }

    [Fact]
    public void Joining_another_group_is_a_new_baseline_for_its_counters()
    {
        Group("/cpuacct", "", "cpuacct.usage", "9000000000\n");
        Group("/cpuacct", "/job", "cpuacct.usage", "5000000\n");
        Group("/memory", "/m", "memory.oom_control", "oom_kill 2\n");
        Group("/memory", "/other", "memory.oom_control", "oom_kill 900\n");
        Process(7, "5:cpuacct:/job\n4:memory:/m\n");
        var mounts = new CgroupMounts("", new[] { "cpuacct", "memory" }.ToFrozenDictionary(name => name, name => _root + "/" + name)).WithCpuacct();
        using var tree = new KernelTree(mounts.Unified);
        var groups = new V1Groups(mounts, _root + "/proc", "cpuacct");
        var meterer = new Meterer(tree, Raw, new PassOptions(Prune: false, SlowEvery: 1), new V1Source(groups, tree, unified: null, new V1SlowFiles(groups, 4)));
        meterer.Run(10_000_000);

        Process(7, "5:cpuacct:/job\n4:memory:/other\n");
        meterer.Run(60_000_000);

        Assert.Equal(0UL, Billed(meterer.Nodes.Single(node => node.Path == "/job"), SlowMeter.OomKills));
        meterer.CloseAll();
    }

    [Fact]
    public void Growth_while_the_agent_was_down_is_billed_and_a_group_that_was_made_anew_counts_from_zero()
    {
        Group("/cpuacct", "", "cpuacct.usage", "9000000000\n");
        Group("/cpuacct", "/job", "cpuacct.usage", "5000000\n");
        Group("/memory", "/m", "memory.oom_control", "oom_kill 2\n");
        Group("/blkio", "/m", "blkio.throttle.io_service_bytes", "8:0 Read 1000\n8:0 Write 0\n");
        Group("/blkio", "/m", "blkio.throttle.io_serviced", "8:0 Read 1\n8:0 Write 0\n");
        Process(7, "5:cpuacct:/job\n4:memory:/m\n3:blkio:/m\n");
        var mounts = new CgroupMounts("", new[] { "cpuacct", "memory", "blkio" }.ToFrozenDictionary(name => name, name => _root + "/" + name)).WithCpuacct();
        using var tree = new KernelTree(mounts.Unified);
        var groups = new V1Groups(mounts, _root + "/proc", "cpuacct");
        var meterer = New();
        meterer.Run(10_000_000);
        meterer.Journalled();
        var stored = new ProtoBuffer();
        foreach (var node in meterer.Nodes) StateCodec.WriteNode(stored, node);
        meterer.CloseAll();

        Group("/memory", "/m", "memory.oom_control", "oom_kill 5\n");
        Group("/blkio", "/m", "blkio.throttle.io_service_bytes", "8:0 Read 1700\n8:0 Write 0\n");
        meterer = New();
        meterer.Restore(StateCodec.Replay([stored.ToArray()], Raw));
        meterer.Run(20_000_000);
        var job = meterer.Nodes.Single(node => node.Path == "/job");
        Assert.Equal((3UL, 700UL), (Billed(job, SlowMeter.OomKills), job.Io!.Accounts[0].Own));

        // The old directory stays under another name, so that the new one can not have its inode.
        Directory.Move(_root + "/blkio/m", _root + "/former");
        Group("/blkio", "/m", "blkio.throttle.io_service_bytes", "8:0 Read 5000\n8:0 Write 0\n");
        Group("/blkio", "/m", "blkio.throttle.io_serviced", "8:0 Read 1\n8:0 Write 0\n");
        meterer.Run(60_000_000);
        Assert.Equal(5700UL, job.Io.Accounts[0].Own);
        meterer.CloseAll();

        Meterer New() => new(tree, Raw, new PassOptions(Prune: false, SlowEvery: 1), new V1Source(groups, tree, unified: null, new V1SlowFiles(groups, 4), new BlockDevices(_root + "/none")));
    }

    [Fact]
    public void The_root_group_is_nobodys_figure_and_peaks_of_several_groups_are_no_peak()
    {
        Group("/cpuacct", "", "cpuacct.usage", "9000000000\n");
        Group("/memory", "", "memory.usage_in_bytes", "90000000000\n");
        foreach (var (group, level, both) in new[] { ("/x", 1000, 1800), ("/x/y", 300, 400) })
        {
            Group("/memory", group, "memory.usage_in_bytes", level + "\n");
            Group("/memory", group, "memory.memsw.usage_in_bytes", both + "\n");
            Group("/memory", group, "memory.max_usage_in_bytes", "50000000000\n");
        }

        Process(1, "5:cpuacct:/\n4:memory:/\n");
        var mounts = new CgroupMounts("", new[] { "cpuacct", "memory" }.ToFrozenDictionary(name => name, name => _root + "/" + name)).WithCpuacct();
        using var tree = new KernelTree(mounts.Unified);
        var groups = new V1Groups(mounts, _root + "/proc", "cpuacct");
        var meterer = new Meterer(tree, Raw, new PassOptions(Prune: false, SlowEvery: 1), new V1Source(groups, tree, unified: null, new V1SlowFiles(groups, 4)));
        meterer.Run(10_000_000);
        Assert.False(meterer.Root.Memory?.Account.Started ?? false);
        Assert.StartsWith("unavailable: its processes are in the root group of v1 memory", meterer.Root.Notes![(int)Metering.Meters.MeterFamily.Memory], StringComparison.Ordinal);

        Process(2, "5:cpuacct:/\n4:memory:/x\n");
        Process(3, "5:cpuacct:/\n4:memory:/x/y\n");
        meterer.Run(60_000_000);
        meterer.Run(70_000_000);

        Assert.Equal(1000UL, meterer.Root.Memory!.PeakBytes);
        Assert.Equal(8000UL, Billed(meterer.Root, SlowMeter.Swap));
        Assert.StartsWith("partial", meterer.Root.Notes![(int)Metering.Meters.MeterFamily.Memory], StringComparison.Ordinal);
        meterer.CloseAll();
    }

    [Theory]
    [InlineData("5:cpuacct:/\n0::/docker/a\n", false)]
    [InlineData("5:cpuacct:/docker/a\n0::/docker/a\n", false)]
    [InlineData("5:cpuacct:/docker/a\n0::/\n", true)]
    [InlineData("5:memory:/docker/a\n0::/\n", false)]
    public void Cpu_is_cpuaccts_when_cgroup2_does_not_have_its_processes_at_the_same_path(string membership, bool elsewhere)
    {
        Process(7, membership);

        Assert.Equal(elsewhere, new V1Groups(new CgroupMounts("/none", FrozenDictionary<string, string>.Empty), _root + "/proc").CpuIsElsewhere());
    }

    [Fact]
    public void A_line_of_proc_cgroup_may_hold_colons()
    {
        var (unified, v1) = V1Groups.Parse(["4:memory:/a:b/c", "3:cpu,cpuacct:/x", "0::/kube:pod:1"]);

        Assert.Equal("/kube:pod:1", unified);
        Assert.Equal("/a:b/c", v1["memory"]);
        Assert.Equal("/x", v1["cpuacct"]);
    }

    private static ulong Billed(CgroupNode node, int meter) => node.Slow!.Tallies[meter].Own;

    private static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };

    private void Group(string hierarchy, string group, string file, string text)
    {
        Directory.CreateDirectory(_root + hierarchy + group);
        File.WriteAllText(_root + hierarchy + group + "/" + file, text);
    }

    private void Process(int id, string membership)
    {
        var directory = Directory.CreateDirectory(Path.Combine(_root, "proc", id.ToString(System.Globalization.CultureInfo.InvariantCulture))).FullName;
        File.WriteAllText(Path.Combine(directory, "cgroup"), membership);
    }

    private void Process(int id, string unified, string memory)
    {
        var directory = Directory.CreateDirectory(Path.Combine(_root, "proc", id.ToString(System.Globalization.CultureInfo.InvariantCulture))).FullName;
        File.WriteAllText(Path.Combine(directory, "cgroup"), $"4:memory:{memory}\n0::{unified}\n");
    }

    private void Level(string group, long bytes)
    {
        var directory = Directory.CreateDirectory(_root + "/memory" + group).FullName;
        File.WriteAllText(Path.Combine(directory, "memory.usage_in_bytes"), bytes + "\n");
    }
}
