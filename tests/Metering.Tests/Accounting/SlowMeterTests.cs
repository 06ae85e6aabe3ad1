using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Accounting;

/// <summary>The meters of the slow cadence over a made tree of files of the shape of cgroup2.</summary>
public sealed class SlowMeterTests : IDisposable
{
    private const long Minute = 60_000_000;
    private readonly string _root = Directory.CreateTempSubdirectory("metering-slow-").FullName;
    private readonly PassCounters _counters = new();
    private readonly KernelTree _tree;
    private readonly Meterer _meterer;
    private long _now = 10_000_000;
    private long _sinceBoot = 500_000_000;

    public SlowMeterTests()
    {
        Write("/", "cgroup.controllers", "cpu cpuset io memory pids hugetlb\n");
        Write("/", "cgroup.type", "domain\n");
        foreach (var path in new[] { "/", "/a", "/a/b" }) Usage(path, 1000);
        _tree = new KernelTree(_root);
        var options = new PassOptions(Prune: false, SlowEvery: 1, Io: false, Pids: false);
        var slow = new V2SlowFiles(_tree, _counters, processors: 8, ["hugepages-2048kB", "hugepages-1048576kB"]);
        _meterer = new Meterer(_tree, Raw, options, new V2Source(_tree, options, _counters, new BlockDevices(), slow), _counters, clock: () => _sinceBoot);
    }

    public void Dispose()
    {
        _meterer.CloseAll();
        _tree.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void Throttled_time_is_the_cgroups_own_and_comes_with_cpu_stat()
    {
        Usage("/a", 1000, throttled: 40);
        Usage("/a/b", 1000, throttled: 5);
        Pass();

        Usage("/a", 2000, throttled: 140);
        Usage("/a/b", 2000, throttled: 25);
        Pass();

        Assert.Equal((100UL, 20UL), (Billed("/a", SlowMeter.Throttled), Billed("/a/b", SlowMeter.Throttled)));
    }

    [Fact]
    public void Swap_is_integrated_and_a_parent_publishes_what_no_child_claims()
    {
        Level("memory.swap.current", root: 3000, a: 3000, b: 1000);
        Pass();
        Pass();

        Assert.Equal((0UL, 120_000UL, 60_000UL), (Billed("/", SlowMeter.Swap), Billed("/a", SlowMeter.Swap), Billed("/a/b", SlowMeter.Swap)));
    }

    [Fact]
    public void Huge_pages_of_all_sizes_are_one_figure()
    {
        Level("hugetlb.2MB.current", root: 4 << 20, a: 4 << 20, b: 4 << 20);
        Level("hugetlb.1GB.current", root: 1 << 30, a: 1 << 30, b: 0);
        Pass();
        Pass();

        Assert.Equal(((1UL << 30) * 60, (4UL << 20) * 60), (Billed("/a", SlowMeter.HugePages), Billed("/a/b", SlowMeter.HugePages)));
    }

    [Fact]
    public void Huge_pages_that_are_within_memory_are_not_billed_a_second_time()
    {
        var options = new PassOptions(Io: false, Pids: false);
        var slow = new V2SlowFiles(_tree, _counters, 8, ["hugepages-2048kB"], new HashSet<string> { "memory_hugetlb_accounting" });
        var meterer = new Meterer(_tree, Raw, options, new V2Source(_tree, options, _counters, new BlockDevices(), slow), _counters);
        Level("hugetlb.2MB.current", root: 4 << 20, a: 4 << 20, b: 4 << 20);

        meterer.Run(_now);
        meterer.Run(_now + Minute);

        Assert.All(meterer.Nodes, node => Assert.False(node.Slow?.Tallies[SlowMeter.HugePages].Started ?? false));
        Assert.StartsWith("unavailable: within memory", meterer.Source.Availability["hugepages"], StringComparison.Ordinal);
        meterer.CloseAll();
    }

    [Fact]
    public void Kills_in_a_cgroup_that_is_gone_stay_with_its_parent_and_are_counted_once()
    {
        Events(root: 0, a: 0, b: 0);
        Pass();
        Events(root: 3, a: 3, b: 1);
        Pass();
        Assert.Equal((2UL, 1UL), (Billed("/a", SlowMeter.OomKills), Billed("/a/b", SlowMeter.OomKills)));

        // The last kill of b was never seen in its own file.
        Events(root: 4, a: 4, b: 1);
        Remove("/a/b");
        Pass();

        Assert.Equal((0UL, 3UL), (Billed("/", SlowMeter.OomKills), Billed("/a", SlowMeter.OomKills)));
    }

    [Fact]
    public void A_controller_that_was_switched_off_and_on_counts_kills_from_zero_again()
    {
        Events(root: 5, a: 5, b: 5);
        Pass();

        // Another file under the same name, with a larger figure than before.
        // The former one stays beside it: a file system that gives a freed number out again (the kernel's tree never does) has none to give.
        File.Move(_root + "/a/b/memory.events", _root + "/a/b/former");
        Events(root: 12, a: 12, b: 7);
        Pass();

        Assert.Equal(7UL, Billed("/a/b", SlowMeter.OomKills));
    }

    [Fact]
    public void Pressure_is_each_cgroups_own_figure_and_adds_up_to_nothing()
    {
        Pressure("/a", 100);
        Pressure("/a/b", 90);
        Pass();
        Pressure("/a", 1100);
        Pressure("/a/b", 1090);
        Pass();

        Assert.Equal((1000UL, 1000UL), (Billed("/a", SlowMeter.CpuPressure), Billed("/a/b", SlowMeter.CpuPressure)));
    }

    [Fact]
    public void A_cgroup_whose_pressure_is_switched_off_says_so_and_has_no_figure()
    {
        Pressure("/a", 100);
        Pass();

        Assert.Contains("cgroup.pressure", Node("/a/b").Notes![(int)Metering.Meters.MeterFamily.Pressure], StringComparison.Ordinal);
        Assert.False(Node("/a/b").Slow!.Tallies[SlowMeter.CpuPressure].Started);
        Assert.Null(Node("/a").Notes?[(int)Metering.Meters.MeterFamily.Pressure]);
    }

    [Fact]
    public void Frozen_time_and_the_kernels_peak_are_read()
    {
        Write("/a", "cgroup.stat.local", "frozen_usec 10\n");
        Level("memory.current", root: 500, a: 500, b: 1);
        Write("/a", "memory.peak", "9000\n");
        Pass();
        Write("/a", "cgroup.stat.local", "frozen_usec 2010\n");
        Pass();

        Assert.Equal(2000UL, Billed("/a", SlowMeter.Frozen));
        Assert.Equal((9000UL, true), (Node("/a").Memory!.PeakBytes, Node("/a").Memory!.PeakIsKernels));
        Assert.False(Node("/a/b").Memory!.PeakIsKernels);
    }

    [Fact]
    public void Frozen_time_is_integrated_where_the_kernel_does_not_count_it()
    {
        Write("/a", "cgroup.events", "populated 1\nfrozen 1\n");
        Pass();
        Write("/a", "cgroup.events", "populated 1\nfrozen 0\n");
        var began = _now;
        Pass();
        Pass();

        Assert.Equal((ulong)(_now - began) / 2, Billed("/a", SlowMeter.Frozen));
        Assert.Equal(Metering.Messages.Availability.BestEffort, Node("/a").Slow!.AvailabilityOf(SlowMeter.Frozen));
    }

    [Fact]
    public void Lifetime_is_counted_by_the_clock_since_boot_whatever_the_wall_clock_does()
    {
        Pass();
        _sinceBoot += 7_000_000 - Minute;
        _now += 3600L * 1_000_000;
        Pass();

        Assert.Equal(7_000_000UL, Billed("/a", SlowMeter.Lifetime));
    }

    [Fact]
    public void What_sets_a_limit_reserves_it_and_what_is_below_takes_its_part()
    {
        Write("/a", "cpu.max", "200000 100000\n");
        Write("/a/b", "cpu.max", "50000 100000\n");
        Write("/a", "memory.max", "1000000\n");
        Write("/a/b", "memory.max", "5000000\n");
        Pass();
        Pass();

        Assert.Equal((90_000_000UL, 30_000_000UL), (Billed("/a", SlowMeter.CpuReserved), Billed("/a/b", SlowMeter.CpuReserved)));

        // b may not have more than a, whatever it says.
        Assert.Equal((0UL, 60_000_000UL), (Billed("/a", SlowMeter.MemoryReserved), Billed("/a/b", SlowMeter.MemoryReserved)));
        Assert.False(Node("/").Slow!.Tallies[SlowMeter.CpuReserved].Started);
    }

    [Fact]
    public void A_cpuset_narrower_than_the_host_is_a_reservation_of_who_set_it()
    {
        Write("/", "cpuset.cpus.effective", "0-7\n");
        Write("/a", "cpuset.cpus.effective", "0-2\n");
        Write("/a/b", "cpuset.cpus.effective", "0-2\n");
        Write("/a", "cpu.max", "max 100000\n");
        Write("/a", "memory.max", "max\n");
        Write("/a", "memory.min", "4096\n");
        Pass();
        Pass();

        Assert.Equal(180_000_000UL, Billed("/a", SlowMeter.CpuReserved));
        Assert.Equal(4096UL * 60, Billed("/a", SlowMeter.MemoryReserved));
        Assert.False(Node("/a/b").Slow!.Tallies[SlowMeter.CpuReserved].Started);
    }

    [Fact]
    public void A_cgroup_is_read_in_full_when_it_is_about_to_end()
    {
        Pressure("/a/b", 100);
        Events(root: 0, a: 0, b: 0);
        Pass();
        Pressure("/a/b", 350);
        Events(root: 1, a: 1, b: 1);

        var ended = Node("/a/b");
        _meterer.ReadLast(ended);
        Remove("/a/b");
        Pass();

        Assert.True(ended.Gone);
        Assert.Equal((250UL, 1UL), (ended.Slow!.Tallies[SlowMeter.CpuPressure].Own, ended.Slow.Tallies[SlowMeter.OomKills].Own));
        Assert.Equal(0UL, Billed("/a", SlowMeter.OomKills));
    }

    [Fact]
    public void A_limit_is_reserved_until_the_cgroup_ends_and_not_until_it_was_last_read()
    {
        Write("/a/b", "cpu.max", "50000 100000\n");
        Pass();
        Pass();

        var ended = Node("/a/b");
        Remove("/a/b");
        Pass();

        Assert.True(ended.Gone);
        Assert.Equal(60_000_000UL, ended.Slow!.Tallies[SlowMeter.CpuReserved].Own);
    }

    [Fact]
    public void Malformed_files_are_counted_and_leave_the_figure_unknown()
    {
        Write("/a", "cpu.pressure", "nonsense\n");
        Write("/a", "memory.events", "oom_kill many\n");
        Write("/a", "cpu.max", "fast 100000\n");
        Pass();

        Assert.Equal(3, _counters.Malformed);
        Assert.False(Node("/a").Slow!.Tallies[SlowMeter.CpuPressure].Started);
    }

    [Fact]
    public void State_that_was_stored_goes_on_where_it_was()
    {
        Level("memory.swap.current", root: 3000, a: 3000, b: 1000);
        Pressure("/a", 100);
        Write("/a", "cpu.max", "200000 100000\n");
        Pass();
        _meterer.Journalled();
        var stored = new ProtoBuffer();
        foreach (var node in _meterer.Nodes) StateCodec.WriteNode(stored, node);
        var options = new PassOptions(Prune: false, SlowEvery: 1, Io: false, Pids: false);
        using var tree = new KernelTree(_root);
        var next = new Meterer(tree, Raw, options, new V2Source(tree, options, _counters, new BlockDevices(), new V2SlowFiles(tree, _counters, 8, [])), _counters, clock: () => _sinceBoot);
        next.Restore(StateCodec.Replay([stored.ToArray()], Raw));

        Pressure("/a", 700);
        next.Run(_now);

        var a = next.Nodes.Single(node => node.Path == "/a").Slow!;
        Assert.Equal((600UL, 120_000UL, 120_000_000UL, 60_000_000UL), (a.Tallies[SlowMeter.CpuPressure].Own, a.Tallies[SlowMeter.Swap].Own, a.Tallies[SlowMeter.CpuReserved].Own, a.Tallies[SlowMeter.Lifetime].Own));
        next.CloseAll();
    }

    private void Pass()
    {
        _meterer.Run(_now);
        _now += Minute;
        _sinceBoot += Minute;
    }

    private CgroupNode Node(string path) => _meterer.Nodes.Single(node => node.Path == path);

    private ulong Billed(string path, int meter) => Node(path).Slow!.Tallies[meter].Own;

    private void Level(string file, long root, long a, long b)
    {
        Write("/", file, root + "\n");
        Write("/a", file, a + "\n");
        Write("/a/b", file, b + "\n");
    }

    private void Events(int root, int a, int b)
    {
        Write("/", "memory.events", $"low 0\noom_kill {root}\n");
        Write("/a", "memory.events", $"low 0\noom_kill {a}\n");
        Write("/a/b", "memory.events", $"low 0\noom_kill {b}\n");
    }

    private void Pressure(string path, long microseconds) => Write(path, "cpu.pressure", $"some avg10=0.00 avg60=0.00 avg300=0.00 total={microseconds}\nfull total=1\n");

    // Other than in the kernel's tree, a removed file can still be read by who has it open.
    private void Remove(string path)
    {
        var node = Node(path);
        _tree.Close(node.CpuHandle);
        node.CpuHandle = -1;
        Directory.Delete(_root + path, recursive: true);
    }

    private void Usage(string path, long microseconds, long? throttled = null) =>
        Write(path, "cpu.stat", string.Create(CultureInfo.InvariantCulture, $"usage_usec {microseconds}\nuser_usec 1\nsystem_usec 1\n") + (throttled is { } time ? $"nr_throttled 1\nthrottled_usec {time}\n" : ""));

    private void Write(string path, string file, string text)
    {
        Directory.CreateDirectory(_root + path);
        File.WriteAllText(Path.Combine(_root + path, file), text);
    }

    private static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };
}
