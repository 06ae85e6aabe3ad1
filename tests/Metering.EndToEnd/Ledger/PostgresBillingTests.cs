using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Tests.Billing;
using Npgsql;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract of closing on PostgreSQL.</summary>
public sealed class PostgresBillingTests(PostgresLedgerTests.Server server) : BillingContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;
    private string _connection = "";

    protected override async Task<string> ConnectionStringAsync() =>
        _connection = await server.Postgres.LedgerAsync("billing" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);

    [Theory]
    [InlineData("charges stored")]
    [InlineData("invoice stored")]
    [InlineData("before commit")]
    public async Task A_database_that_loses_its_connections_while_a_month_is_closed_has_nothing_half_issued(string moment)
    {
        await DaysAsync(33);
        var closer = Closer();
        closer.FaultPoint = at => { if (at == moment) Terminate(); };

        var failed = await Assert.ThrowsAnyAsync<Exception>(() => closer.CloseAsync(October, [], Alice, Cancel));

        Assert.True(failed is LedgerUnavailableException or LedgerConflictException or NpgsqlException, failed.ToString());
        Assert.Equal((0L, 0L, 0L), (await CountAsync("invoice"), await CountAsync("charge"), await CountAsync("period")));
        await Closer().CloseAsync(October, [], Alice, Cancel);
        Assert.Equal((1L, 1L), (await CountAsync("invoice"), await CountAsync("period")));
        Assert.Empty(await VerifiedAsync());
    }

    // All but its own, of this database: as a server that is killed ends them.
    private void Terminate()
    {
        using var connection = new NpgsqlConnection(_connection + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()", connection);
        command.ExecuteNonQuery();
    }
}
