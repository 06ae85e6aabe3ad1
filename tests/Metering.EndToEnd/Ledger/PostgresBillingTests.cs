using Metering.Tests.Billing;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract of closing on PostgreSQL.</summary>
public sealed class PostgresBillingTests(PostgresLedgerTests.Server server) : BillingContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.ConnectionStringAsync("billing" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);
}
