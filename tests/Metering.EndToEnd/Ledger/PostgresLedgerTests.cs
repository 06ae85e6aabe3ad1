using Metering.EndToEnd.Servers;
using Metering.Tests.Ledger;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract on PostgreSQL: one server, a fresh database for each test.</summary>
public sealed class PostgresLedgerTests(PostgresLedgerTests.Server server) : LedgerContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.ConnectionStringAsync("contract" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);

    /// <summary>The server of the class.</summary>
    public sealed class Server : IAsyncLifetime
    {
        public PostgresServer Postgres { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Postgres = await PostgresServer.StartAsync(TestContext.Current.CancellationToken);

        public async ValueTask DisposeAsync()
        {
            if (Postgres is not null) await Postgres.DisposeAsync();
        }
    }
}
