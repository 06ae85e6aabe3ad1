using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Accounting;

/// <summary>When the slow files are read, and that nothing is billed otherwise by reading them rarely. Passes are ten seconds apart.</summary>
public sealed class SlowCadenceTests : IDisposable
{
    private const long Interval = 10_000_000, Bucket = 900_000_000;
    private const int Cadence = 6, IdleCadence = 30;
    private readonly string _root = Directory.CreateTempSubdirectory("metering-cadence-").FullName;
    private readonly PassCounters _counters = new();
    private readonly KernelTree _tree;
    private Meterer _meterer;
    private long _now = Bucket;
    private long _used = 1000;

    public SlowCadenceTests()
    {
        Write("/", "cgroup.controllers", "cpu cpuset io memory pids hugetlb\n");
        Write("/", "cgroup.type", "domain\n");
        foreach (var path in new[] { "/", "/a", "/a/b" })
        {
            Write(path, "cpu.stat", $"usage_usec {_used}\n");
            Write(path, "memory.swap.current", "0\n");
            Write(path, "memory.events", "oom_kill 0\n");
            Pressure(path, 100);
        }

        Write("/a/b", "cpu.max", "50000 100000\n");
        _tree = new KernelTree(_root);
        _meterer = New(_tree);
        Pass();
    }

    public void Dispose()
    {
        _meterer.CloseAll();
        _tree.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void An_idle_tree_without_swap_is_not_read_below_its_top()
    {
        Pass();
        var (below, top, files) = (Slow("/a/b").LastPass, Slow("/").LastPass, _counters.FilesRead);

        for (var i = 0; i < Cadence; i++) Pass();

        // In a minute: cpu.stat of the root at each pass, once its swap and its kills.
        Assert.Equal(below, Slow("/a/b").LastPass);
        Assert.True(Slow("/").LastPass > top);
        Assert.Equal(Cadence + 2, _counters.FilesRead - files);
    }

    [Fact]
    public void Pressure_is_read_at_the_bound_of_a_bucket_and_a_limit_of_who_used_cpu_within_a_minute()
    {
        Pressure("/a/b", 700);
        Write("/a/b", "cpu.max", "10000 100000\n");
        for (var i = 0; i < Cadence; i++)
        {
            Use(1000);
            Pass();
        }

        Assert.Equal((100UL, 100_000UL), (Slow("/a/b").Tallies[SlowMeter.CpuPressure].Reading, Slow("/a/b").CpuLimit));

        while (_now <= 2 * Bucket) Pass();

        Assert.Equal(600UL, Slow("/a/b").Tallies[SlowMeter.CpuPressure].Own);
    }

    [Fact]
    public void A_limit_of_an_idle_cgroup_is_seen_within_five_minutes()
    {
        Write("/a/b", "cpu.max", "10000 100000\n");
        for (var i = 0; i < IdleCadence; i++) Pass();

        Assert.Equal(100_000UL, Slow("/a/b").CpuLimit);
    }

    [Fact]
    public void Swap_that_was_not_looked_for_rises_from_the_moment_that_the_parent_last_had_none()
    {
        Until(Cadence * 10);
        Swap(1 << 20);
        Until(Cadence * 11);

        // A straight line over one minute, not over the eleven since its own file was read.
        Assert.Equal((1UL << 20) * 30, Slow("/a/b").Tallies[SlowMeter.Swap].Own);
    }

    [Fact]
    public void After_a_restart_swap_rises_from_the_last_pass_that_was_stored()
    {
        Until(Cadence * 10);
        var stored = new ProtoBuffer();
        foreach (var node in _meterer.Nodes) StateCodec.WriteNode(stored, node);
        var last = _now - Interval;
        _meterer.CloseAll();
        Swap(1 << 20);

        _meterer = New(_tree);
        _meterer.Restore(StateCodec.Replay([stored.ToArray()], Raw));
        _meterer.HeldUntil(last);
        Pass();

        Assert.Equal((1UL << 20) * 5, Slow("/a/b").Tallies[SlowMeter.Swap].Own);
    }

    [Fact]
    public void Freezing_is_counted_from_the_moment_that_the_kernel_tells_of()
    {
        Write("/a/b", "cgroup.events", "populated 1\nfrozen 0\n");
        _meterer.CloseAll();
        _meterer = New(_tree);
        Pass();

        Write("/a/b", "cgroup.events", "populated 1\nfrozen 1\n");
        _meterer.Follow(_now - 4_000_000);
        Write("/a/b", "cgroup.events", "populated 1\nfrozen 0\n");
        _meterer.Follow(_now - 1_000_000);
        Pass();

        Assert.Equal(3_000_000UL, Slow("/a/b").Tallies[SlowMeter.Frozen].Own);
    }

    [Fact]
    public void A_controller_that_is_switched_on_is_found_at_the_bound_of_a_bucket()
    {
        Until(Cadence);
        foreach (var path in new[] { "/", "/a", "/a/b" }) Write(path, "hugetlb.2MB.current", "4194304\n");
        while (_now <= 2 * Bucket) Pass();

        Assert.Equal(4_194_304UL, Slow("/a/b").Levels[SlowMeter.HugePagesLevel].Value);
    }

    private Meterer New(KernelTree tree)
    {
        var options = new PassOptions(Memory: false, Io: false, Pids: false);
        return new Meterer(tree, Raw, options, new V2Source(tree, options, _counters, new BlockDevices(), new V2SlowFiles(tree, _counters, 8, ["hugepages-2048kB"])), _counters);
    }

    private void Until(int passes)
    {
        while ((_now - Bucket) / Interval <= passes) Pass();
    }

    private void Pass()
    {
        _meterer.Run(_now);
        _now += Interval;
    }

    private void Use(long microseconds)
    {
        _used += microseconds;
        foreach (var path in new[] { "/", "/a", "/a/b" }) Write(path, "cpu.stat", string.Create(CultureInfo.InvariantCulture, $"usage_usec {_used}\n"));
    }

    private void Swap(long bytes)
    {
        foreach (var path in new[] { "/", "/a", "/a/b" }) Write(path, "memory.swap.current", string.Create(CultureInfo.InvariantCulture, $"{bytes}\n"));
    }

    private SlowState Slow(string path) => _meterer.Nodes.Single(node => node.Path == path).Slow!;

    private void Pressure(string path, long microseconds) => Write(path, "cpu.pressure", $"some avg10=0.00 avg60=0.00 avg300=0.00 total={microseconds}\nfull total=1\n");

    private void Write(string path, string file, string text)
    {
        Directory.CreateDirectory(_root + path);
        File.WriteAllText(Path.Combine(_root + path, file), text);
    }

    private static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };
}
