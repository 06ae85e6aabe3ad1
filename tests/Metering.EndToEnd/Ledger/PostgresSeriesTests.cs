using Metering.Tests.TimeSeries;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract of the time series on PostgreSQL.</summary>
public sealed class PostgresSeriesTests(PostgresLedgerTests.Server server) : SeriesContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.LedgerAsync("series" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);
}
