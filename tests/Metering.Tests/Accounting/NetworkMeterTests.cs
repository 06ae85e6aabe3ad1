using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Meters;
using Xunit;

namespace Metering.Tests.Accounting;

/// <summary>Network namespaces on a made /proc, where a file stands for a namespace and its inode is that of the file.</summary>
public sealed class NetworkMeterTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("metering-net-").FullName;
    private readonly PassCounters _counters = new();
    private readonly KernelTree _tree;
    private readonly Meterer _meterer;
    private long _now;

    public NetworkMeterTests()
    {
        Cgroup("", process: null);
        File.WriteAllText(_root + "/tree/cgroup.type", "domain\n");
        Process(1, "host", "eth0", 0, 0);
        _tree = new KernelTree(_root + "/tree");
        var options = new PassOptions(Prune: false, SlowEvery: 1, Memory: false, Io: false, Pids: false);
        _meterer = new Meterer(_tree, Raw, options, source: null, _counters, new NetworkMeter(_tree, _counters, _root + "/proc"));
    }

    public void Dispose()
    {
        _meterer.CloseAll();
        _tree.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public void Bytes_of_a_namespace_are_billed_from_the_baseline_and_loopback_is_not()
    {
        Cgroup("/a", process: 10);
        Process(10, "a", "eth0", 1000, 500);
        Pass();
        Process(10, "a", "eth0", 1700, 600);
        Pass();

        Assert.Equal((700UL, 100UL), Billed("/a"));
        Assert.Equal(0, _counters.Malformed);
    }

    [Fact]
    public void A_namespace_of_several_cgroups_is_billed_once_and_passes_to_the_next_when_the_first_ends()
    {
        Cgroup("/a", process: 10);
        Cgroup("/b", process: 11);
        foreach (var process in new[] { 10, 11 }) Process(process, "pod", "eth0", 1000, 0);
        Pass();
        foreach (var process in new[] { 10, 11 }) Process(process, "pod", "eth0", 1800, 0);
        Pass();
        var first = _meterer.Nodes.Single(node => node.Slow?.Tallies[SlowMeter.NetworkReceive].Own > 0);
        var second = _meterer.Nodes.Single(node => node.Parent is not null && node != first);
        Assert.Equal(800UL, first.Slow!.Tallies[SlowMeter.NetworkReceive].Own);
        Assert.Equal("unavailable: shared network namespace, billed on " + first.Path, second.Notes![(int)MeterFamily.Network]);

        End(first);
        foreach (var process in new[] { 10, 11 }) Process(process, "pod", "eth0", 2000, 0);
        Pass();

        Assert.Equal((200UL, 0UL), Billed(second.Path));
        Assert.Null(second.Notes![(int)MeterFamily.Network]);
    }

    [Fact]
    public void The_hosts_own_network_is_shared_and_unattributed()
    {
        Cgroup("/a", process: 10);
        Process(10, "host", "eth0", 1000, 500);
        Pass();
        Process(10, "host", "eth0", 9000, 5000);
        Pass();

        Assert.StartsWith("unavailable: host network", Node("/a").Notes![(int)MeterFamily.Network], StringComparison.Ordinal);
        Assert.False(Node("/a").Slow!.Tallies[SlowMeter.NetworkReceive].Started);
    }

    [Fact]
    public void An_interface_that_was_made_again_counts_from_zero_also_when_it_shows_more_than_before()
    {
        Cgroup("/a", process: 10);
        Process(10, "a", "eth0", 1000, 500, index: 2);
        Pass();
        Process(10, "a", "eth0", 3000, 700, index: 9);
        Pass();
        Process(10, "a", "eth0", 40, 5, index: 9);
        Pass();

        Assert.Equal((3040UL, 705UL), Billed("/a"));
    }

    [Fact]
    public void A_cgroup_that_was_born_later_is_billed_for_what_passed_before_its_first_reading()
    {
        Pass();
        Cgroup("/late", process: 12);
        Process(12, "late", "eth0", 640, 32);
        Pass();

        Assert.Equal((640UL, 32UL), Billed("/late"));
    }

    [Fact]
    public void What_was_stored_goes_on_and_torn_lines_are_skipped()
    {
        Cgroup("/a", process: 10);
        Process(10, "a", "eth0", 1000, 500);
        Pass();
        _meterer.Journalled();
        var stored = new ProtoBuffer();
        foreach (var node in _meterer.Nodes) StateCodec.WriteNode(stored, node);
        var next = new Meterer(_tree, Raw, new PassOptions(Memory: false, Io: false, Pids: false), source: null, _counters, new NetworkMeter(_tree, _counters, _root + "/proc"));
        next.Restore(StateCodec.Replay([stored.ToArray()], Raw));

        Process(10, "a", "eth0", 1300, 500);
        File.AppendAllText(_root + "/proc/10/net/dev", "  eth1: 12 torn");
        next.Run(_now + 10_000_000);

        Assert.Equal(300UL, next.Nodes.Single(node => node.Path == "/a").Slow!.Tallies[SlowMeter.NetworkReceive].Own);
        Assert.Equal(1, _counters.Malformed);
        next.CloseAll();
    }

    private void Pass() => _meterer.Run(_now += 10_000_000);

    private CgroupNode Node(string path) => _meterer.Nodes.Single(node => node.Path == path);

    private (ulong Received, ulong Sent) Billed(string path) => (Node(path).Slow!.Tallies[SlowMeter.NetworkReceive].Own, Node(path).Slow!.Tallies[SlowMeter.NetworkTransmit].Own);

    private void Cgroup(string path, int? process)
    {
        var directory = Directory.CreateDirectory(_root + "/tree" + path).FullName;
        File.WriteAllText(directory + "/cpu.stat", "usage_usec 1000\n");
        File.WriteAllText(directory + "/cgroup.procs", process is { } one ? one.ToString(CultureInfo.InvariantCulture) + "\n" : "");
    }

    private void End(CgroupNode node)
    {
        _tree.Close(node.CpuHandle);
        node.CpuHandle = -1;
        Directory.Delete(_root + "/tree" + node.Path, recursive: true);
    }

    private void Process(int process, string space, string name, long received, long sent, int index = 2)
    {
        var directory = string.Create(CultureInfo.InvariantCulture, $"{_root}/proc/{process}");
        Directory.CreateDirectory(directory + "/ns");
        Directory.CreateDirectory(directory + "/net");
        if (!File.Exists(_root + "/" + space)) File.WriteAllText(_root + "/" + space, "");
        if (!File.Exists(directory + "/ns/net")) File.CreateSymbolicLink(directory + "/ns/net", _root + "/" + space);
        File.WriteAllText(directory + "/net/dev", string.Create(CultureInfo.InvariantCulture,
            $"Inter-|   Receive  |  Transmit\n face |bytes    packets|bytes\n    lo: 77 1 0 0 0 0 0 0 77 1 0 0 0 0 0 0\n{name,6}: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0\n"));
        File.WriteAllText(directory + "/net/igmp", string.Create(CultureInfo.InvariantCulture, $"Idx\tDevice    : Count Querier\n1\tlo        :     1      V3\n{index}\t{name,-10}:     1      V3\n"));
    }

    private static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };
}
