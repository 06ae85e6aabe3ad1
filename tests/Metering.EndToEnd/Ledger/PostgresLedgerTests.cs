using System.Data.Common;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Tests.Ledger;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract on PostgreSQL: one server, a fresh database for each test.</summary>
public sealed class PostgresLedgerTests(PostgresLedgerTests.Server server) : LedgerContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.LedgerAsync("contract" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);

    /// <summary>Entity Framework wraps what it takes for transient: to whoever writes, the ledger is away and nothing is broken.</summary>
    [Fact]
    public async Task A_connection_that_ends_under_the_configuration_is_a_ledger_that_is_away()
    {
        await using var store = LedgerStore.Create(new LedgerOptions { ConnectionString = await ConnectionStringAsync() });
        await store.OpenAsync(TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<LedgerUnavailableException>(() => store.WriteAsync(async transaction =>
        {
            await using (var killer = await store.OpenReadAsync(CancellationToken.None)) await EndOthersAsync(killer);
            await transaction.Context.Set<StoredQuota>().ToListAsync();
        }, TestContext.Current.CancellationToken));
    }

    /// <summary>Figures of before have ids that SQL made, those of after such as the service makes: the next growth has to find either.</summary>
    [Theory]
    [InlineData("q", 0, "")]
    [InlineData("acme-cpu_1", 1766361600, "tenant-ü\u001fbook\u001f1\u001fcpu €/h")]
    [InlineData("q", -3600, "waited")]
    public async Task The_id_of_a_figure_is_the_same_whether_the_schema_or_the_service_makes_it(string quota, long start, string component)
    {
        await using var connection = new NpgsqlConnection(server.Postgres.ConnectionStringTo("postgres"));
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand($"SELECT {QuotaFigureIdSchema.Id} FROM (VALUES ($1, $2, $3)) AS figure (quota, window_start, component)", connection)
        {
            Parameters = { new() { Value = quota }, new() { Value = start }, new() { Value = component } },
        };

        Assert.Equal(QuotaFigureIds.Make(quota, start, component), await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_connection_that_ends_while_it_is_read_is_a_ledger_that_is_away()
    {
        await using var store = LedgerStore.Create(new LedgerOptions { ConnectionString = await ConnectionStringAsync() });
        await store.OpenAsync(TestContext.Current.CancellationToken);
        await using var context = await store.ReadContextAsync(TestContext.Current.CancellationToken);
        await using (var killer = await store.OpenReadAsync(TestContext.Current.CancellationToken)) await EndOthersAsync(killer);

        var thrown = await Assert.ThrowsAnyAsync<Exception>(() => context.Set<StoredQuota>().ToListAsync(TestContext.Current.CancellationToken));

        Assert.NotNull(store.Away(thrown));
        Assert.Null(store.Away(new InvalidOperationException("Sequence contains no elements.")));
    }

    /// <summary>Servers are restarted while the service starts.</summary>
    [Fact]
    public async Task A_service_whose_connections_end_while_it_starts_waits_and_comes_up()
    {
        var connectionString = await ConnectionStringAsync();
        await using var service = ServiceProcess.Service(new Dictionary<string, string?> { ["METERING__Ledger__ConnectionString"] = connectionString });
        await using (var killer = new NpgsqlConnection(connectionString))
        {
            await killer.OpenAsync(TestContext.Current.CancellationToken);
            service.Start();
            await service.Child.WaitUntilAsync(async _ =>
            {
                await EndOthersAsync(killer);
                return service.Output.Split("Trying again").Length > 3;
            }, "it had to wait three times", TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }

        await service.ReadyAsync(TestContext.Current.CancellationToken);
        service.SaidNoStackTrace();
    }

    private static async Task EndOthersAsync(DbConnection killer)
    {
        await using var kill = killer.CreateCommand();
        kill.CommandText = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        await kill.ExecuteNonQueryAsync();
    }

    /// <summary>The server of the class.</summary>
    public sealed class Server : IAsyncLifetime
    {
        public PostgresServer Postgres { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Postgres = await PostgresServer.StartAsync(TestContext.Current.CancellationToken, durable: false);

        public async ValueTask DisposeAsync()
        {
            if (Postgres is not null) await Postgres.DisposeAsync();
        }
    }
}
