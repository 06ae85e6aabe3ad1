using Metering.Tests.Alerts;
using Xunit;

namespace Metering.EndToEnd.Ledger;

/// <summary>The contract of deliveries on PostgreSQL, and what only several replicas can do wrong.</summary>
public sealed class PostgresDeliveryTests(PostgresLedgerTests.Server server) : DeliveryContract, IClassFixture<PostgresLedgerTests.Server>
{
    private static int s_databases;

    protected override Task<string> ConnectionStringAsync() => server.Postgres.LedgerAsync("delivery" + Interlocked.Increment(ref s_databases), TestContext.Current.CancellationToken);

    protected override int Many => 100;

    [Fact]
    public Task Replicas_never_send_one_delivery_twice_and_take_over_from_the_dead() => SendByReplicasAsync(4, 200);
}
