using System.Security.Claims;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Service.Verification.Checks;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>What <c>verify</c> says of an audit trail that somebody worked on.</summary>
public sealed class AuditChainTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-audit-" + Path.GetRandomFileName())).FullName;
    private LedgerOptions _options = null!;
    private LedgerStore _store = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(_directory, "ledger.db")}" };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        for (var i = 1; i <= 5; i++) await _store.WriteAsync(transaction => AuditTrail.AddAsync(transaction, DateTimeOffset.UnixEpoch, new ClaimsPrincipal(), "tenant.put", "t" + i, null, "{}"), Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData("UPDATE audit SET actor = 'somebody' WHERE number = 3", "number=3", "is not as it was written")]
    [InlineData("UPDATE audit SET before = '{}' WHERE number = 2", "number=2", "is not as it was written")]
    [InlineData("UPDATE audit SET hash = zeroblob(32) WHERE number = 4", "number=4", "is not as it was written")]
    [InlineData("UPDATE audit SET hash = NULL WHERE number = 4", "number=4", "is not part of the chain")]
    [InlineData("DELETE FROM audit WHERE number = 3", "number=3", "this row is missing")]
    [InlineData("DELETE FROM audit WHERE number IN (2, 3)", "number=2", "rows 2 to 3 are missing")]
    [InlineData("DELETE FROM audit WHERE number = 5", "number=5", "rows 5 to 5 are missing at the end")]
    [InlineData("DELETE FROM audit WHERE number = 1", "number=1", "this row is missing")]
    [InlineData("DELETE FROM meta WHERE key = 'audit_head'", "number=5", "the end of the chain is not recorded")]
    [InlineData("INSERT INTO audit (at, actor, principal, action, subject) VALUES (1, 'x', 'local', 'tenant.put', 't9')", "number=6", "is not part of the chain")]
    public async Task Verify_names_what_is_changed_or_missing(string sql, string key, string detail)
    {
        Assert.Null(await FirstAsync());
        await _store.WriteAsync(async transaction =>
        {
            // As somebody with the file in hand: the triggers go first.
            await transaction.ExecuteAsync("DROP TRIGGER audit_no_update");
            await transaction.ExecuteAsync("DROP TRIGGER audit_no_delete");
            await transaction.ExecuteAsync(sql);
        }, Cancel);

        var first = await FirstAsync();
        Assert.NotNull(first);
        Assert.Equal(("audit", key), (first.Table, first.Key));
        Assert.Contains(detail, first.Detail);
    }

    [Fact]
    public async Task Configuration_that_was_changed_beside_the_trail_is_named()
    {
        await using var service = await RunningService.StartAsync();
        await service.GoodAsync("PUT", "v1/price-books/standard/versions/1", new { currency = "EUR", validFrom = "2020-01-01T00:00:00Z", prices = new[] { new { meter = "cpuSeconds", unit = "Core-Hours", price = 0.5 } } });
        await service.GoodAsync("PUT", "v1/tenants/acme", new { priceBook = "standard" });
        await service.GoodAsync("PUT", "v1/tenants/acme/contract", new { terms = new[] { new { validFrom = "2020-01-01T00:00:00Z", discount = 10 } } });
        await service.GoodAsync("PUT", "v1/ownership-rules", new { rules = new[] { new { match = new { path = "/a" }, tenant = "acme" } } });
        await service.GoodAsync("PUT", "v1/quotas/gone", new { subject = new { tenant = "acme" }, meter = "cpuSeconds", window = "month", limit = 1 });
        await service.GoodAsync("DELETE", "v1/quotas/gone");
        await service.GoodAsync("PUT", "v1/quotas/cpu", new { subject = new { tenant = "acme" }, meter = "cpuSeconds", window = "month", limit = 1 });
        var run = new VerifyRun(service.Store, _options);
        Assert.Null(await FirstAsync(new ConfigurationCheck(), run));

        // The last of the check's order first, so that each is found before those that are there already.
        foreach (var (sql, table, key, detail) in new[]
        {
            ("UPDATE tenant SET price_book = 'cheap'", "tenant", "acme", "not what the audit trail says"), ("UPDATE ownership_rules SET json = '[]'", "ownership_rules", "ownership_rules", "not what the audit trail says"),
            ("DELETE FROM quota", "quota", "cpu", "it is missing"), ("UPDATE contract SET json = '{}'", "contract", "acme", "not what the audit trail says"),
            ("UPDATE price_version SET json = replace(json, '0.5', '0.05')", "price_version", "standard/1", "not what the audit trail says"), ("DELETE FROM price_version", "price_version", "standard/1", "it is missing"),
        })
        {
            await service.Store.WriteAsync(transaction => transaction.ExecuteAsync(sql), Cancel);
            var first = await FirstAsync(new ConfigurationCheck(), run);
            Assert.Equal((table, key), (first?.Table, first?.Key));
            Assert.Contains(detail, first!.Detail);
        }
    }

    private Task<Discrepancy?> FirstAsync() => FirstAsync(new AuditCheck(), new VerifyRun(_store, _options));

    private static async Task<Discrepancy?> FirstAsync(IVerifyCheck check, VerifyRun run)
    {
        await foreach (var one in check.RunAsync(run, Cancel))
        {
            if (one.Discrepancy is { } found) return found;
        }

        return null;
    }
}
