using System.Net;
using System.Net.Http.Headers;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Npgsql;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>Every secret of a production line is made anew, step by step as the README says, while a workload runs: nothing is lost, and what was before is refused.</summary>
internal sealed class RotatedSecrets(ProductionServers servers) : IDisposable
{
    private const string Host = "e2e-rotated", Container = "d0d0dead00000000000000000000000000000000000000000000000000000000", Role = "rotated";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);
    private readonly TestDirectory _ofService = new(), _ofAgent = new(), _scratch = new();

    public async Task RotateAsync(CancellationToken cancel)
    {
        // Each program finds its secrets in files, as systemd's LoadCredential= and containers hand them over.
        await UsersAsync(["service", "host", Host], ["service-first-0123456789", "host-first-0123456789"], cancel);
        var ledger = await servers.Postgres.OwnDatabaseAsync(Role, "ledger-first-0123456789", Role, cancel);
        Save(_ofService, "Ledger__ConnectionString", ledger);
        Save(_ofService, "Broker__Url", servers.RabbitMq.Url("service", "service-first-0123456789"));
        Save(_ofService, "METERING_ADMIN_KEY", "admin-first-0123456789");
        Save(_ofService, "METERING_SCRAPE_KEY", "scrape-first-0123456789");
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["CREDENTIALS_DIRECTORY"] = _ofService.Path }, adminKey: "admin-first-0123456789");
        await service.StartReadyAsync(cancel);
        var firstKey = (await service.GetAsync("v1/enforcement/key", cancel)).GetProperty("key").GetString()!;
        Save(_ofAgent, "Broker__Url", servers.RabbitMq.Url(Host, "host-first-0123456789"));
        Save(_ofAgent, "Enforcement__PublicKey", firstKey);
        await using var agent = AgentProcess.With(new Dictionary<string, string?> { ["METERING__Agent__HostId"] = Host, ["METERING__Enforcement__Actions"] = "cgroup.freeze", ["CREDENTIALS_DIRECTORY"] = _ofAgent.Path });
        agent.Start();
        await service.FirstPassAsync(cancel);
        await using var cgroup = TestCgroup.Create();
        var container = cgroup.Child($"docker-{Container}.scope");
        cgroup.Burn();
        container.Burn();
        await service.SeenAsync(cgroup.Path, cancel);

        // The key of commands: the next one is made, agents are told both, then it signs.
        var both = (await CommandAsync(service, cancel, "enforcement", "key", "--next")).Trim();
        Assert.StartsWith(firstKey + ",", both, StringComparison.Ordinal);
        Save(_ofAgent, "Enforcement__PublicKey", both);

        // Of a host at the broker: what is connected stays connected until the agent begins anew with the new one.
        await UsersAsync(["host", Host], ["host-second-0123456789"], cancel);
        await LoginRefusedAsync(servers.RabbitMq.Url(Host, "host-first-0123456789"));
        Save(_ofAgent, "Broker__Url", servers.RabbitMq.Url(Host, "host-second-0123456789"));
        await agent.StopAsync(cancel);
        agent.Start();

        // Of the service: the ledger's, the broker's, and keys that were preset. Sessions that are open go on; new ones need the new password.
        await servers.Postgres.ExecuteAsync($"ALTER ROLE {Role} PASSWORD 'ledger-second-0123456789'", cancel);
        await UsersAsync(["service"], ["service-second-0123456789"], cancel);
        Save(_ofService, "Ledger__ConnectionString", ledger.Replace("first", "second", StringComparison.Ordinal));
        Save(_ofService, "Broker__Url", servers.RabbitMq.Url("service", "service-second-0123456789"));
        Save(_ofService, "METERING_ADMIN_KEY", "admin-second-0123456789");
        Save(_ofService, "METERING_SCRAPE_KEY", "scrape-second-0123456789");
        await service.StopAsync(cancel);
        service.Start();
        await service.ReadyAsync(cancel);
        await LoginRefusedAsync(servers.RabbitMq.Url("service", "service-first-0123456789"));
        Assert.Equal("28P01", (await Assert.ThrowsAsync<PostgresException>(() => OpenAsync(ledger, cancel))).SqlState);
        foreach (var (key, path, status) in new[] { ("admin-first-0123456789", "v1/usage", HttpStatusCode.Unauthorized), ("scrape-first-0123456789", "metrics", HttpStatusCode.Unauthorized), ("scrape-second-0123456789", "metrics", HttpStatusCode.OK) })
            Assert.Equal(status, await StatusAsync(service, key, path, cancel));
        service.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "admin-second-0123456789");

        // Agents know both: whichever signs is obeyed. The former one is gone for good, and there is no second switch.
        Assert.Equal(both[(firstKey.Length + 1)..], (await CommandAsync(service, cancel, "enforcement", "key", "--switch")).Trim());
        using (var again = await service.Client.PostAsync(new Uri("v1/enforcement/key/switch", UriKind.Relative), null, cancel)) Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        await service.SendAsync(HttpMethod.Put, "v1/quotas/rotated", new { subject = new { workload = new { path = cgroup.Path + "/docker-*" } }, meter = "cpuSeconds", window = "month", limit = 0.05m, enforce = new { action = "cgroup.freeze" } }, cancel);
        await agent.Child.WaitUntilAsync(_ => Task.FromResult(container.Read("cgroup.freeze").Trim() == "1"), "the order of the new key was obeyed", Soon, cancel);
        Save(_ofAgent, "Enforcement__PublicKey", both[(firstKey.Length + 1)..]);
        await agent.StopAsync(cancel);
        agent.Start();
        await agent.Child.WaitUntilAsync(_ => Task.FromResult(agent.Child.Output.Contains("cgroup.freeze of", StringComparison.Ordinal)), "the new key alone is enough", Soon, cancel);
        await service.SendAsync(HttpMethod.Post, "v1/enforcement/release", new { all = true }, cancel);
        await agent.Child.WaitUntilAsync(_ => Task.FromResult(container.Read("cgroup.freeze").Trim() == "0"), "it was released", Soon, cancel);

        await container.RemoveAsync();
        await cgroup.StopAsync();
        await service.BilledAsync(cgroup, cancel, more: () => agent.Output);
        Assert.Equal(0, Assert.Single((await service.GetAsync("v1/hosts", cancel)).GetProperty("hosts").EnumerateArray()).GetProperty("missingBatches").GetInt64());
        Assert.Contains("enforcement.key.switch", (await service.GetAsync("v1/audit", cancel)).GetRawText(), StringComparison.Ordinal);
        service.SaidNoStackTrace();
        agent.SaidNoStackTrace();
    }

    public void Dispose()
    {
        _ofService.Dispose();
        _ofAgent.Dispose();
        _scratch.Dispose();
    }

    private static void Save(TestDirectory directory, string name, string text) => File.WriteAllText(directory.File(name), text + "\n");

    // deploy/rabbitmq/user, then import_definitions: what is imported replaces the password and leaves everything else.
    private async Task UsersAsync(string[] users, string[] passwords, CancellationToken cancel)
    {
        var definitions = await ChildProcess.RunAsync(Path.Combine(RepositoryFiles.Root, "deploy/rabbitmq/user"), users, Soon, cancel, string.Join('\n', passwords) + "\n");
        await File.WriteAllTextAsync(_scratch.File("users.json"), definitions, cancel);
        await servers.RabbitMq.ControlAsync("import_definitions", _scratch.File("users.json"));
    }

    private static async Task LoginRefusedAsync(string url)
    {
        var refused = await Assert.ThrowsAsync<BrokerUnreachableException>(() => new ConnectionFactory { Uri = new Uri(url), AutomaticRecoveryEnabled = false }.CreateConnectionAsync());
        Assert.IsType<AuthenticationFailureException>(refused.InnerException);
    }

    private static async Task OpenAsync(string connectionString, CancellationToken cancel)
    {
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync(cancel);
    }

    private static async Task<string> CommandAsync(ServiceProcess service, CancellationToken cancel, params string[] arguments)
    {
        await using var command = MeteringProcess.Launch([.. arguments, "--url", service.Url, "--key", service.Client.DefaultRequestHeaders.Authorization!.Parameter!]);
        Assert.True(await command.WaitForExitAsync(Soon, cancel) == 0, command.Output);
        return command.Output;
    }

    private static async Task<HttpStatusCode> StatusAsync(ServiceProcess service, string key, string path, CancellationToken cancel)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(service.Url + "/" + path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var response = await client.SendAsync(request, cancel);
        return response.StatusCode;
    }
}
