using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>Yesterday's copy of an agent's journal is put in the place of today's.</summary>
internal static class OldJournal
{
    public static async Task IsNoticedAsync(ServiceProcess service, AgentProcess agent, CancellationToken cancel)
    {
        agent.Start();
        await service.FirstPassAsync(cancel);
        await using var cgroup = TestCgroup.Create();
        await cgroup.BurnForAsync(TimeSpan.FromSeconds(1), cancel);
        await service.BilledAsync(cgroup, cancel);
        await agent.StopAsync(cancel);
        agent.Directory.Save("journal.db", "copy.db");
        agent.Start();
        await cgroup.BurnForAsync(TimeSpan.FromSeconds(1), cancel);
        await service.BilledAsync(cgroup, cancel);
        var epoch = await EpochAsync(service, cancel);

        // What it burns while nobody meters is lost with the journal: counted by nobody rather than twice.
        await agent.KillAsync(cancel);
        await cgroup.BurnForAsync(TimeSpan.FromMilliseconds(500), cancel);
        var billed = (await service.CpuAsync(cgroup.Path, cancel)).Values.Sum();
        agent.Directory.Restore("copy.db", "journal.db");
        agent.Start();
        await agent.Child.WaitForLineAsync("a new epoch begins", TimeSpan.FromSeconds(30), cancel);
        await service.Child.WaitUntilAsync(async token => await EpochAsync(service, token) != epoch, "the new epoch was in the ledger", TimeSpan.FromSeconds(30), cancel);
        var notBilled = cgroup.UsageMicroseconds - billed;
        Assert.True(notBilled > 0);

        await cgroup.BurnForAsync(TimeSpan.FromSeconds(1), cancel);
        await using var younger = TestCgroup.Create();
        await younger.BurnForAsync(TimeSpan.FromSeconds(1), cancel);

        await service.BilledAsync(younger, cancel, more: () => agent.Output);
        await service.BilledAsync(cgroup, cancel, (long)notBilled, () => agent.Output);
        Assert.Single(agent.Output.Split('\n'), line => line.Contains("a new epoch begins", StringComparison.Ordinal));
        agent.SaidNoStackTrace();
    }

    private static async Task<string> EpochAsync(ServiceProcess service, CancellationToken cancel) =>
        (await service.GetAsync("v1/hosts", cancel)).GetProperty("hosts")[0].GetProperty("epoch").GetString()!;
}
