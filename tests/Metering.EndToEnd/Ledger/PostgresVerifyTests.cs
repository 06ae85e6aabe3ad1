using Metering.Tests.Verification;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract of <c>verify</c> on PostgreSQL.</summary>
public sealed class PostgresVerifyTests(PostgresLedgerTests.Server server) : VerifyContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.LedgerAsync("verify" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);
}
