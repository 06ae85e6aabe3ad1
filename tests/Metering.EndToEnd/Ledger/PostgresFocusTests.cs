using Metering.Tests.Focus;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>Exports of periods on PostgreSQL.</summary>
public sealed class PostgresFocusTests(PostgresLedgerTests.Server server) : FocusContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.LedgerAsync("focus" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);
}
