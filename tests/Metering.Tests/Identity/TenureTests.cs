using Metering.Agent.Workloads;
using Metering.Agent.Workloads.Names;
using Metering.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Identity;

/// <summary>One cgroup instance, one tenant after the other: each is billed what was used in its time.</summary>
public sealed class TenureTests : IDisposable
{
    private const long Second = 1_000_000;
    private const string Slot = "slot1_1@node";
    private readonly string _root = Directory.CreateTempSubdirectory("metering-tenure-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_next_job_of_a_slot_is_another_workload_from_the_pass_on_that_sees_it()
    {
        using var host = new MeteredTree().Set("/s", 0, 0).Open().Pass(10 * Second);
        Use(host, 1000);
        TellJob(host, "7.0");
        Use(host, 3000);
        TellJob(host, "8.0");

        // A restart in between forgets nobody.
        Use(host, 5000);
        host.Open();
        Use(host, 10_000);

        Assert.Equal([("/s", 1000UL), ("/s/7.0", 2000UL), ("/s/8.0", 7000UL)], ByWorkload(host));

        void Use(MeteredTree tree, long upTo) => tree.Set("/", upTo, 0).Set("/s", upTo, 0).Pass(10 * Second);
    }

    [Fact]
    public void What_the_last_pass_found_and_could_not_store_is_the_former_tenants()
    {
        using var host = new MeteredTree().Set("/s", 0, 0).Open().Pass(10 * Second);
        host.Set("/", 1000, 0).Set("/s", 1000, 0);
        host.Meterer.Run(host.Wall + 20 * Second);

        TellJob(host, "7.0");
        host.Pass(30 * Second).Set("/", 5000, 0).Set("/s", 5000, 0).Pass(10 * Second);

        Assert.Equal([("/s", 1000UL), ("/s/7.0", 4000UL)], ByWorkload(host));
    }

    [Fact]
    public void The_job_of_a_slot_is_looked_at_every_few_seconds()
    {
        Ad("7");
        var clock = new FakeClock(DateTimeOffset.UnixEpoch);
        var resolver = new NameResolver(new LabelChoice(), _root);
        var slot = new WorkloadRecogniser().Recognise("/htcondor/condor_var_lib_condor_execute_" + Slot);
        Assert.Equal((WorkloadKinds.HtCondor, Slot), (slot.Kind, slot.Id));

        var first = resolver.Resolve(slot);
        Ad("8");
        var second = resolver.Resolve(slot);

        Assert.Equal((Slot + "/7.0", "7.0", "7.0"), (first.Id, first.Name, first.Labels["job"]));
        Assert.Equal((Slot + "/8.0", "8.0"), (second.Id, second.Labels["condor.job"]));
        using var host = new MeteredTree().Set("/htcondor", 0, 0).Set(slot.Path, 0, 0).Open(new WorkloadRecogniser().Recognise);
        var tracker = new NameTracker(resolver, clock, NullLogger.Instance);
        host.Pass(10 * Second);
        tracker.Restored(host.Meterer);
        tracker.Step();
        tracker.Apply(host.Meterer);
        Assert.Contains(host.Meterer.Nodes, node => node.Workload.Id == Slot + "/8.0");

        Ad("9");
        clock.Advance(TimeSpan.FromSeconds(6));
        tracker.Step();
        tracker.Apply(host.Meterer);
        host.Pass(10 * Second);
        Assert.Contains(host.Meterer.Nodes, node => node.Workload.Id == Slot + "/9.0");
    }

    [Fact]
    public void A_restarted_service_is_the_same_workload_with_another_invocation()
    {
        var resolver = new NameResolver(new LabelChoice("unit.*"), _root);
        var service = new WorkloadRecogniser().Recognise("/system.slice/nginx.service");
        Link("0123456789abcdef0123456789abcdef");
        var first = resolver.Resolve(service);
        Link("fedcba9876543210fedcba9876543210");
        var second = resolver.Resolve(service);
        Link("../../etc/shadow");

        Assert.Equal((service.Id, service.Id), (first.Id, second.Id));
        Assert.Equal(("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"), (first.Labels["unit.invocation"], second.Labels["unit.invocation"]));
        Assert.False(resolver.Resolve(service).Labels.ContainsKey("unit.invocation"));
    }

    private void Link(string target)
    {
        var link = Path.Combine(Directory.CreateDirectory(Path.Combine(_root, "run/systemd/units")).FullName, "invocation:nginx.service");
        File.Delete(link);
        File.CreateSymbolicLink(link, target);
    }

    private void Ad(string cluster)
    {
        var directory = Directory.CreateDirectory(Path.Combine(_root, "var/lib/condor/execute/dir_4711")).FullName;
        File.WriteAllText(Path.Combine(directory, ".machine.ad"), $"Name = \"{Slot}\"\n");
        File.WriteAllText(Path.Combine(directory, ".job.ad"), $"ClusterId = {cluster}\nProcId = 0\nOwner = \"ann\"\n");
    }

    private static void TellJob(MeteredTree host, string job)
    {
        var node = host.Meterer.Nodes.Single(node => node.Path == "/s");
        host.Meterer.Describe(node.Inode, "/s", node.Recognised with { Id = "/s/" + job, Name = job, Labels = new Dictionary<string, string> { ["job"] = job } });
    }

    private static List<(string Id, ulong Microseconds)> ByWorkload(MeteredTree host) =>
        [.. host.Batches.SelectMany(batch => batch.Workloads).Where(record => record.Path == "/s").GroupBy(record => record.Id).OrderBy(group => group.Key)
            .Select(group => (group.Key, group.SelectMany(record => record.Meters).Where(reading => reading.Meter == "cpuMicroseconds").Aggregate(0UL, (sum, reading) => sum + reading.Quantity)))];
}
