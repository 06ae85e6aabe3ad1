using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>A private RabbitMQ and a private PostgreSQL, started by the first test that asks.</summary>
public sealed class ProductionServers : IAsyncLifetime
{
    public const string AgentPassword = "agent-secret";

    internal RabbitMqServer RabbitMq { get; private set; } = null!;

    internal PostgresServer Postgres { get; private set; } = null!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Inside the test and not before it, so that a missing package skips the test. The queue is gone, as on a new broker.</summary>
    internal async Task StartAsync(CancellationToken cancel)
    {
        if (RabbitMq is null)
        {
            var postgres = PostgresServer.StartAsync(cancel);
            RabbitMq = await RabbitMqServer.StartAsync();
            Postgres = await postgres;
        }

        await RabbitMq.EnsureRunningAsync();
        if ((await RabbitMq.NamesAsync("list_queues")).Contains("metering.ledger")) await RabbitMq.ControlAsync("delete_queue", "metering.ledger");
    }

    /// <summary>The settings of a service on both; the database is empty.</summary>
    internal async Task<Dictionary<string, string?>> SettingsAsync(string database, CancellationToken cancel) => new()
    {
        ["METERING__Ledger__ConnectionString"] = await Postgres.ConnectionStringAsync(database, cancel),
        ["METERING__Broker__Url"] = RabbitMq.ServiceUrl,
    };

    /// <summary>An agent whose broker login is its host id.</summary>
    internal async Task<AgentProcess> AgentAsync(string host)
    {
        await RabbitMq.AddAgentUserAsync(host, AgentPassword);
        return AgentProcess.OverBroker(host, RabbitMq.Url(host, AgentPassword));
    }

    public async ValueTask DisposeAsync()
    {
        if (RabbitMq is not null) await RabbitMq.DisposeAsync();
        if (Postgres is not null) await Postgres.DisposeAsync();
    }
}
