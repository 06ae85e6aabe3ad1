using System.Net;
using System.Security.Cryptography;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>agent → RabbitMQ → service → PostgreSQL, each a process that can die at any moment.</summary>
public sealed class ProductionLineTests(ProductionServers servers) : IClassFixture<ProductionServers>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_part_is_killed_and_the_bill_is_still_the_kernels_figure()
    {
        var seed = RandomNumberGenerator.GetInt32(int.MaxValue);
        TestContext.Current.SendDiagnosticMessage("seed {0}", seed);
        var random = new Random(seed);
        await servers.StartAsync(Cancel);
        await using var service = ServiceProcess.Service(await servers.SettingsAsync("line", Cancel));
        await service.StartReadyAsync(Cancel);
        await using var agent = await servers.AgentAsync("e2e-line");
        agent.Start();
        await service.FirstPassAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        await cgroup.BurnForAsync(TimeSpan.FromSeconds(1), Cancel);
        await service.BilledAsync(cgroup, Cancel, more: () => agent.Output);

        cgroup.Burn();
        string[] victims = ["rabbitmq", "postgres", "service", "agent"];
        random.Shuffle(victims);
        foreach (var victim in victims)
        {
            await PauseAsync(random, 700, 1500);
            switch (victim)
            {
                case "rabbitmq":
                    await servers.RabbitMq.KillAsync();
                    await PauseAsync(random, 0, 700);
                    await servers.RabbitMq.StartAgainAsync();
                    break;
                case "postgres":
                    await servers.Postgres.KillAsync(Cancel);
                    await PauseAsync(random, 0, 700);
                    await servers.Postgres.StartAgainAsync(Cancel);
                    break;
                default:
                    MeteringProcess process = victim == "agent" ? agent : service;
                    await process.KillAsync(Cancel);
                    await PauseAsync(random, 0, 700);
                    process.Start();
                    break;
            }
        }

        await PauseAsync(random, 700, 1500);
        await cgroup.StopAsync();
        await service.ReadyAsync(Cancel);

        await service.BilledAsync(cgroup, Cancel, more: () => $"seed {seed}, order {string.Join(' ', victims)}\n{agent.Output}");
        var host = Assert.Single((await service.GetAsync("v1/hosts", Cancel)).GetProperty("hosts").EnumerateArray());
        Assert.Equal("e2e-line", host.GetProperty("host").GetString());
        Assert.Equal(0, host.GetProperty("conservationFailures").GetInt64());
        Assert.Equal(0, host.GetProperty("missingBatches").GetInt64());
        service.SaidNoStackTrace();
        agent.SaidNoStackTrace();
    }

    [Fact]
    public async Task An_old_copy_of_the_journal_behind_a_broker_begins_a_new_epoch_and_bills_nothing_twice()
    {
        await servers.StartAsync(Cancel);
        await using var service = ServiceProcess.Service(await servers.SettingsAsync("journal", Cancel));
        await service.StartReadyAsync(Cancel);
        await using var agent = await servers.AgentAsync("e2e-old-copy");

        await OldJournal.IsNoticedAsync(service, agent, Cancel);
    }

    [Fact]
    public async Task A_restored_PostgreSQL_ledger_gets_again_what_it_lost()
    {
        await servers.StartAsync(Cancel);
        var settings = await servers.SettingsAsync("restored", Cancel);
        await using var service = ServiceProcess.Service(settings);
        await service.StartReadyAsync(Cancel);
        await using var agent = await servers.AgentAsync("e2e-restored");
        agent.Start();
        await service.FirstPassAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        await cgroup.BurnForAsync(TimeSpan.FromSeconds(1), Cancel);
        await service.BilledAsync(cgroup, Cancel);

        await service.StopAsync(Cancel);
        await servers.Postgres.CopyDatabaseAsync("restored", "yesterday", Cancel);
        await service.StartReadyAsync(Cancel);
        await cgroup.BurnForAsync(TimeSpan.FromSeconds(1), Cancel);
        await service.BilledAsync(cgroup, Cancel);
        await service.StopAsync(Cancel);
        await servers.Postgres.CopyDatabaseAsync("yesterday", "restored", Cancel);
        await service.StartReadyAsync(Cancel);

        await service.BilledAsync(cgroup, Cancel, more: () => agent.Output);
    }

    [Fact]
    public async Task Every_secret_is_rotated_while_it_meters_and_what_was_before_is_refused()
    {
        await servers.StartAsync(Cancel);
        using var rotation = new RotatedSecrets(servers);
        try
        {
            await rotation.RotateAsync(Cancel);
        }
        finally
        {
            await servers.RabbitMq.ForgetServicesAsync();
        }
    }

    [Fact]
    public async Task A_broker_that_is_not_there_delays_nothing_else()
    {
        await servers.StartAsync(Cancel);

        // RabbitMQ forgets a deletion that it made less than a moment before it is killed, and the next queue of that name is then stuck.
        await PauseAsync(new Random(1), 2000, 2001);
        await servers.RabbitMq.KillAsync();
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__Broker__Url"] = servers.RabbitMq.ServiceUrl });
        service.Start();
        await service.HealthyAsync(Cancel);
        await service.GetAsync("v1/usage", Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await service.StatusAsync("/readyz", Cancel));

        await servers.RabbitMq.StartAgainAsync();
        await service.ReadyAsync(Cancel);

        // RabbitMQ itself loses a queue that it made less than a moment before it is killed.
        await PauseAsync(new Random(1), 2000, 2001);
        await servers.RabbitMq.KillAsync();
        await service.Child.WaitUntilAsync(async token => await service.StatusAsync("/readyz", token) == HttpStatusCode.ServiceUnavailable, "the loss was noticed", TimeSpan.FromSeconds(30), Cancel);
        await service.GetAsync("v1/usage", Cancel);
        await servers.RabbitMq.StartAgainAsync();
        await service.ReadyAsync(Cancel);

        service.SaidNoStackTrace();
        var lines = service.Output.Split('\n').Count(line => line.Contains("warn:", StringComparison.Ordinal) || line.Contains("fail:", StringComparison.Ordinal));
        Assert.True(lines is > 0 and <= 4, service.Output);
    }

    [Fact]
    public async Task A_database_that_is_not_there_is_waited_for_and_its_loss_is_survived()
    {
        await servers.StartAsync(Cancel);
        var settings = await servers.SettingsAsync("late", Cancel);
        settings.Remove("METERING__Broker__Url");
        await servers.Postgres.StopAsync(Cancel);
        await using var service = ServiceProcess.Service(settings);
        service.Start();
        await service.Child.WaitForLineAsync("can not be reached", TimeSpan.FromSeconds(30), Cancel);
        await servers.Postgres.StartAgainAsync(Cancel);
        await service.ReadyAsync(Cancel);

        await servers.Postgres.KillAsync(Cancel);
        await service.Child.WaitUntilAsync(async token => await service.StatusAsync("/readyz", token) == HttpStatusCode.ServiceUnavailable, "the loss was noticed", TimeSpan.FromSeconds(30), Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await service.StatusAsync("/v1/usage", Cancel));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await service.StatusAsync("/v1/hosts", Cancel));
        var batch = new BatchMaker("e2e-late").Next(1);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await batch.PostAsync(service.Client, Cancel)).Status);
        Assert.Equal(HttpStatusCode.OK, await service.StatusAsync("/healthz", Cancel));
        await servers.Postgres.StartAgainAsync(Cancel);
        await service.ReadyAsync(Cancel);
        Assert.Equal(HttpStatusCode.OK, (await batch.PostAsync(service.Client, Cancel)).Status);

        service.SaidNoStackTrace();
    }

    private static Task PauseAsync(Random random, int from, int to) => Task.Delay(TimeSpan.FromMilliseconds(random.Next(from, to)), TimeProvider.System, Cancel);
}
