using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Accounting;

/// <summary>Passes over a directory tree of the shape of cgroup2, with every controller.</summary>
public sealed class SteadyPassTests : IDisposable
{
    private const int Count = 30;
    private readonly string _root = Directory.CreateTempSubdirectory("metering-steady-").FullName;

    public SteadyPassTests()
    {
        File.WriteAllText(Path.Combine(_root, "cgroup.controllers"), "cpu cpuset io memory pids hugetlb\n");
        File.WriteAllText(Path.Combine(_root, "cgroup.type"), "domain\n");
        Fill(_root, 1_000_000);
        for (var i = 0; i < Count; i++)
        {
            var directory = Directory.CreateDirectory(Path.Combine(_root, "w" + i.ToString(CultureInfo.InvariantCulture))).FullName;
            Fill(directory, 1000 + i);
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData(false, 4096)]
    [InlineData(true, 4096)]
    [InlineData(false, 3)] // files beyond the kept descriptors are opened at every pass
    public void A_steady_pass_allocates_nothing(bool prune, int keptDescriptors)
    {
        using var tree = new KernelTree(_root);
        var meterer = NewMeterer(tree, prune, keptDescriptors);
        long instant = 0;
        for (var i = 0; i < 20; i++) meterer.Run(instant += 10_000_000);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) meterer.Run(instant += 10_000_000);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
        Assert.Equal(Count + 1, meterer.Nodes.Count);
        meterer.CloseAll();
    }

    [Fact]
    public void Pids_are_read_from_pids_current_where_the_kernel_has_no_peak()
    {
        using var tree = new KernelTree(_root);
        var meterer = NewMeterer(tree, prune: false, keptDescriptors: 4096);

        meterer.Run(10_000_000);

        var node = Assert.Single(meterer.Nodes, node => node.Path == "/w5");
        Assert.Equal(7u, node.Pids!.Peak);
        Assert.Equal(Messages.Availability.BestEffort, node.Pids.Availability);
        meterer.CloseAll();
    }

    [Fact]
    public void Pids_peak_is_exact_where_the_kernel_has_it()
    {
        foreach (var directory in Directory.EnumerateDirectories(_root).Append(_root)) File.WriteAllText(Path.Combine(directory, "pids.peak"), "11\n");
        using var tree = new KernelTree(_root);
        var meterer = NewMeterer(tree, prune: false, keptDescriptors: 4096);

        meterer.Run(10_000_000);

        Assert.All(meterer.Nodes, node => Assert.Equal((11u, Messages.Availability.Exact), ((uint)node.Pids!.Peak, node.Pids.Availability)));
        meterer.CloseAll();
    }

    [Fact]
    public void An_idle_subtree_that_is_metered_by_itself_costs_one_read_a_pass()
    {
        using var tree = new KernelTree(_root);
        var counters = new PassCounters();
        var meterer = new Meterer(tree, new WorkloadRecogniser().Recognise, new PassOptions(Memory: false, Io: false, Pids: false, Slow: false), source: null, counters);
        for (var i = 1; i <= 3; i++) meterer.Run(i * 10_000_000L);

        var before = counters.FilesRead;
        meterer.Run(40_000_000);

        Assert.Equal(1, counters.FilesRead - before);
        meterer.CloseAll();
    }

    [Fact]
    public void What_the_parent_shows_is_found_below_it()
    {
        using var tree = new KernelTree(_root);
        var meterer = new Meterer(tree, new WorkloadRecogniser().Recognise, new PassOptions(Memory: false, Io: false, Pids: false));
        for (var i = 1; i <= 3; i++) meterer.Run(i * 10_000_000L);

        Fill(_root, 1_000_500);
        Fill(Path.Combine(_root, "w3"), 1503);
        meterer.Run(40_000_000);

        // 500, less the microsecond that its baseline may have been rounded down by; that one is its parent's.
        Assert.Equal(499u, Assert.Single(meterer.Nodes, node => node.Path == "/w3").Cpu.Own);
        meterer.CloseAll();
    }

    [Fact]
    public void The_cost_of_passes_is_told_per_pass()
    {
        var cost = PassBenchmark.Run(_root, 5, new HashSet<string>(StringComparer.Ordinal) { "cpu" });

        Assert.Equal(Count + 1, cost.Cgroups);
        Assert.Equal(Count + 2, cost.FilesPerPass); // the parent is read before and after its children
        Assert.True(cost.CpuMicrosecondsPerPass > cost.PrunedCpuMicrosecondsPerPass && cost.PrunedCpuMicrosecondsPerPass > 0);
    }

    private static Meterer NewMeterer(KernelTree tree, bool prune, int keptDescriptors)
    {
        var options = new PassOptions(prune, KeptDescriptors: keptDescriptors);
        var counters = new PassCounters();
        return new Meterer(tree, new WorkloadRecogniser().Recognise, options, new V2Source(tree, options, counters, new BlockDevices()), counters, new NetworkMeter(tree, counters), Posix.BootMicroseconds);
    }

    private static void Fill(string directory, long microseconds)
    {
        File.WriteAllText(Path.Combine(directory, "cpu.stat"), string.Create(CultureInfo.InvariantCulture, $"usage_usec {microseconds}\nuser_usec 1\nsystem_usec 1\n"));
        File.WriteAllText(Path.Combine(directory, "memory.current"), "4096\n");
        File.WriteAllText(Path.Combine(directory, "io.stat"), "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
        File.WriteAllText(Path.Combine(directory, "pids.current"), "7\n");
        File.WriteAllText(Path.Combine(directory, "memory.swap.current"), "4096\n");
        File.WriteAllText(Path.Combine(directory, "memory.peak"), "8192\n");
        File.WriteAllText(Path.Combine(directory, "memory.events"), "low 0\noom_kill 1\n");
        File.WriteAllText(Path.Combine(directory, "memory.max"), "1048576\n");
        File.WriteAllText(Path.Combine(directory, "cpu.max"), "50000 100000\n");
        File.WriteAllText(Path.Combine(directory, "cpuset.cpus.effective"), "0\n");
        File.WriteAllText(Path.Combine(directory, "cgroup.stat.local"), "frozen_usec 5\n");
        File.WriteAllText(Path.Combine(directory, "cgroup.procs"), string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n"));
        foreach (var one in new[] { "cpu", "memory", "io" }) File.WriteAllText(Path.Combine(directory, one + ".pressure"), "some avg10=0.00 avg60=0.00 avg300=0.00 total=306\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
    }
}
