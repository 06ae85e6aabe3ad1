using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Messages;
using Xunit;

namespace Metering.Tests.Accounting;

/// <summary>I/O that io.stat does not count, on a made /proc where a file stands for a namespace.</summary>
public sealed class BypassedIoTests : IDisposable
{
    private const string Plain = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:5 / /proc rw - proc proc rw\n23 21 0:40 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw\n";
    private readonly string _root = Directory.CreateTempSubdirectory("metering-mounts-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("30 21 0:50 / /data rw - nfs4 server:/export rw", "partial: nfs4 at /data")]
    [InlineData("30 21 0:50 / /data rw shared:7 master:2 - zfs tank/data rw", "partial: zfs at /data")]
    [InlineData("30 21 0:50 / /with\\040space rw - ceph mon:/ rw", "partial: ceph at /with\\040space")]
    [InlineData("30 21 0:50 / /s3 rw - fuse.s3fs s3fs rw", "partial: fuse.s3fs at /s3")]
    [InlineData("30 21 0:50 / /share rw - 9p share rw", "partial: 9p at /share")]
    [InlineData("30 21 0:50 / /v rw - virtiofs v rw", "partial: virtiofs at /v")]
    [InlineData("30 21 0:50 / /c rw - cifs //s/c rw", "partial: cifs at /c")]
    [InlineData("30 21 0:50 / /l rw - lustre l rw", "partial: lustre at /l")]
    [InlineData("30 21 0:50 / /g rw - gfs2 /dev/sdb rw", "partial: gfs2 at /g")]
    [InlineData("30 21 0:50 / / rw - overlay overlay rw,lowerdir=/var/lib/l,upperdir=/tank/docker/u,workdir=/tank/docker/w", "partial: zfs below the overlay at /")]
    [InlineData("30 21 0:50 / / rw - overlay overlay rw,lowerdir=/tank/l,upperdir=/tanker/u,workdir=/tanker/w", null)]
    [InlineData("30 21 0:50 / /x rw - xfs /dev/sdb rw", null)]
    [InlineData("no line of mountinfo", null)]
    public void A_mount_that_io_stat_does_not_see_is_named(string line, string? expected)
    {
        Process(1, "host", Plain + "40 21 0:60 / /tank rw - zfs tank rw\n");
        Process(10, "inner", Plain + line + "\n");

        Assert.Equal(expected, new BypassedIo(_root + "/proc").Note(10, 1, null));
    }

    [Fact]
    public void Mounts_are_read_once_for_a_namespace_again_after_a_while_and_a_bounded_number_in_a_pass()
    {
        Process(10, "inner", Plain + "30 21 0:50 / /data rw - nfs server:/export rw\n");
        var bypassed = new BypassedIo(_root + "/proc");
        Assert.Equal("partial: nfs at /data", bypassed.Note(10, 1, null));
        Process(10, "inner", Plain);

        Assert.Equal("partial: nfs at /data", bypassed.Note(10, 2, null));
        Assert.Null(bypassed.Note(10, 100, null));

        for (var process = 100; process < 300; process++) Process(process, "ns" + process, Plain + "30 21 0:50 / /data rw - nfs server:/export rw\n");
        Assert.Equal(32, Enumerable.Range(100, 200).Count(process => bypassed.Note(process, 200, null) is not null));
        Assert.Equal("as before", bypassed.Note(1000, 201, "as before"));
    }

    [Fact]
    public void The_figure_of_a_workload_on_nfs_is_partial_and_another_note_does_not_make_it_so()
    {
        Process(1, "host", Plain);
        Process(10, "inner", Plain + "30 21 0:50 / /data rw - nfs4 server:/export rw\n");
        Process(11, "plain", Plain);
        foreach (var (path, process) in new[] { ("", 0), ("/a", 10), ("/b", 11) }) Cgroup(path, process, "8:0 rbytes=0 wbytes=0 rios=0 wios=0\n");
        using var tree = new KernelTree(_root + "/tree");
        var counters = new PassCounters();
        var options = new PassOptions(Prune: false, SlowEvery: 1, Memory: false, Pids: false, KeptCpuDescriptors: 0);
        var meterer = new Meterer(tree, Raw, options, new V2Source(tree, options, counters, new BlockDevices(_root + "/none")), counters, new NetworkMeter(tree, counters, _root + "/proc"))
        {
            Bypassed = new BypassedIo(_root + "/proc"),
        };
        meterer.Run(10_000_000);
        meterer.Journalled();
        foreach (var (path, process) in new[] { ("", 0), ("/a", 10), ("/b", 11) }) Cgroup(path, process, "8:0 rbytes=4096 wbytes=0 rios=1 wios=0\n");
        meterer.Run(20_000_000);

        var records = new UsageEncoder().Encode(meterer, new PassWindow("h", "epoch", 10_000_000, 20_000_000, 10_000_000, 10_000_000, new HostFacts("boot", 2, 1 << 30), new SortedDictionary<string, string>()), 1, rootIsMachine: false)
            .SelectMany(batch => UsageBatch.Parser.ParseFrom(batch.Bytes).Workloads).ToDictionary(record => record.Path);
        Assert.Equal("partial: nfs4 at /data", records["/a"].Labels["metering.io"]);
        Assert.Equal(Availability.Partial, records["/a"].Meters.Single(meter => meter.Meter == "ioReadBytes").Availability);
        Assert.False(records["/b"].Labels.ContainsKey("metering.io"));
        Assert.Equal(Availability.Exact, records["/b"].Meters.Single(meter => meter.Meter == "ioReadBytes").Availability);
        Assert.False(Meterer.IsPartial("unavailable: the io controller is not enabled for this cgroup"));

        // The host says so too, as long as there is one.
        Assert.Equal("partial: not all I/O of 1 cgroup is counted (nfs4 at /data); of the others exact", meterer.IoAvailability("exact"));
        Assert.Equal("unavailable: no", meterer.IoAvailability("unavailable: no"));
        meterer.Journalled();
        Directory.Delete(_root + "/tree/a", recursive: true);
        meterer.Run(30_000_000);
        meterer.Run(40_000_000);
        Assert.Equal("exact", meterer.IoAvailability("exact"));
        meterer.CloseAll();
    }

    private static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };

    private void Cgroup(string path, int process, string io)
    {
        Directory.CreateDirectory(_root + "/tree" + path);
        File.WriteAllText(_root + "/tree/cgroup.controllers", "io\n");
        File.WriteAllText(_root + "/tree/cgroup.type", "domain\n");
        File.WriteAllText($"{_root}/tree{path}/cpu.stat", "usage_usec 1\n");
        File.WriteAllText($"{_root}/tree{path}/io.stat", io);
        File.WriteAllText($"{_root}/tree{path}/cgroup.procs", process == 0 ? "" : process + "\n");
    }

    private void Process(int process, string space, string mounts)
    {
        var directory = $"{_root}/proc/{process}";
        Directory.CreateDirectory(directory + "/ns");
        Directory.CreateDirectory(_root + "/spaces");
        foreach (var kind in new[] { "mnt", "net" })
        {
            File.AppendAllText($"{_root}/spaces/{kind}-{space}", "");
            if (!File.Exists($"{directory}/ns/{kind}")) File.CreateSymbolicLink($"{directory}/ns/{kind}", $"{_root}/spaces/{kind}-{space}");
        }

        File.WriteAllText(directory + "/mountinfo", mounts);
    }
}
