using System.Security.Cryptography;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>agent → HTTP → service → SQLite.</summary>
public sealed class HttpLineTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Service_and_agent_are_killed_and_the_bill_is_still_the_kernels_figure()
    {
        var seed = RandomNumberGenerator.GetInt32(int.MaxValue);
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        var random = new Random(seed);
        await using var service = ServiceProcess.Service();
        await service.StartReadyAsync(Cancel);
        await using var agent = await AgentProcess.OverHttpAsync(service, "e2e-http", Cancel);
        agent.Start();
        await service.FirstPassAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        cgroup.Burn();
        for (var i = 0; i < 4; i++)
        {
            MeteringProcess victim = random.Next(2) == 0 ? service : agent;
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(200, 3000)), TimeProvider.System, Cancel);
            await victim.KillAsync(Cancel);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(0, 500)), TimeProvider.System, Cancel);
            victim.Start();
        }

        await cgroup.StopAsync();
        await service.ReadyAsync(Cancel);

        await service.BilledAsync(cgroup, Cancel, more: () => $"seed {seed}\n{agent.Output}");
        agent.SaidNoStackTrace();
        service.SaidNoStackTrace();
        await agent.StopAsync(Cancel);
        await service.StopAsync(Cancel);
    }

    [Fact]
    public async Task An_agent_of_its_own_shows_its_metrics()
    {
        await using var service = ServiceProcess.Service();
        await service.StartReadyAsync(Cancel);
        var url = $"http://127.0.0.1:{Servers.Ports.Free()}";
        await using var agent = await AgentProcess.OverHttpAsync(service, "e2e-metrics", Cancel, url);
        agent.Start();
        await service.FirstPassAsync(Cancel);
        using var client = new HttpClient();

        var text = await client.GetStringAsync(new Uri(url + "/metrics"), Cancel);

        Assert.Contains("\nmetering_agent_conservation_failures_total 0\n", text);
        Assert.Contains("\nmetering_agent_names_over_bound_total 0\n", text);

        // Each way in which accounting can be coarser than it should be, one sample each whatever tenants do.
        foreach (var name in (string[])
            ["unwatched_leaves", "unwatched_directories", "never_opened", "emptied_read", "settlements", "unquiet_settlements", "settled_cpu_seconds", "estimated_cpu_seconds", "event_overflows",
             "generations", "malformed", "names_over_bound", "no_descriptors", "unreadable", "tree_gone", "read_errors", "conservation_failures"])
        {
            Assert.Single(text.Split('\n'), line => line.StartsWith($"# HELP metering_agent_{name}_total ", StringComparison.Ordinal) && line.EndsWith('.'));
            Assert.Single(text.Split('\n'), line => line == $"# TYPE metering_agent_{name}_total counter");
            Assert.Single(text.Split('\n'), line => line.StartsWith($"metering_agent_{name}_total", StringComparison.Ordinal));
        }

        await Promtool.AcceptsAsync(text, Cancel);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await client.GetAsync(new Uri(url + "/other"), Cancel)).StatusCode);
        await agent.StopAsync(Cancel);
        await service.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_restored_ledger_gets_again_what_it_lost()
    {
        await using var service = ServiceProcess.Service();
        await service.StartReadyAsync(Cancel);
        await using var agent = await AgentProcess.OverHttpAsync(service, "e2e-restored", Cancel);
        agent.Start();
        await service.FirstPassAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        await cgroup.BurnForAsync(TimeSpan.FromSeconds(1), Cancel);
        await service.BilledAsync(cgroup, Cancel);

        await service.StopAsync(Cancel);
        service.Directory.Save("ledger.db", "yesterday.db");
        await service.StartReadyAsync(Cancel);
        await cgroup.BurnForAsync(TimeSpan.FromSeconds(1), Cancel);
        await service.BilledAsync(cgroup, Cancel);
        await service.StopAsync(Cancel);
        service.Directory.Restore("yesterday.db", "ledger.db");
        await service.StartReadyAsync(Cancel);

        await service.BilledAsync(cgroup, Cancel, more: () => agent.Output);
        var host = Assert.Single((await service.GetAsync("v1/hosts", Cancel)).GetProperty("hosts").EnumerateArray());
        Assert.Equal(0, host.GetProperty("missingBatches").GetInt64());
    }

    [Fact]
    public async Task An_old_copy_of_the_journal_begins_a_new_epoch_and_bills_nothing_twice()
    {
        await using var service = ServiceProcess.Service();
        await service.StartReadyAsync(Cancel);
        await using var agent = await AgentProcess.OverHttpAsync(service, "e2e-old-copy", Cancel);

        await OldJournal.IsNoticedAsync(service, agent, Cancel);
    }
}
