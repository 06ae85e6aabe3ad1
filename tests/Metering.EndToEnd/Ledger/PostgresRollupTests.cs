using Metering.Tests.Reports;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract of the roll-up on PostgreSQL.</summary>
public sealed class PostgresRollupTests(PostgresLedgerTests.Server server) : RollupContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.LedgerAsync("rollup" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);
}
