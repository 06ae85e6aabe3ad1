using Metering.Tests.Reports;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract of schedules on PostgreSQL.</summary>
public sealed class PostgresScheduleTests(PostgresLedgerTests.Server server) : ScheduleContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.LedgerAsync("schedule" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);
}
