using Metering.Service.Access;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Verification.Expiry;
using Metering.Tests.Verification;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>What proves a month without its batches, and after their bytes have expired.</summary>
public abstract partial class BillingContract
{
    [Fact]
    public async Task Closing_reads_no_batch()
    {
        await DaysAsync(33);
        await SqlAsync("DELETE FROM batch");

        await Closer().CloseAsync(October, [], Alice, Cancel);

        Assert.Equal(1, await CountAsync("invoice"));
    }

    [Theory]
    [InlineData("DELETE FROM receipt WHERE sequence = 3", "not what the batches add up to")]
    [InlineData("UPDATE conservation SET cpu_us = cpu_us - 1 WHERE bucket = (SELECT MIN(bucket) FROM conservation)", "it is not what the batches add up to")]
    [InlineData("DELETE FROM usage WHERE bucket = (SELECT MIN(bucket) FROM usage)", "the batches bill")]
    public async Task What_was_counted_what_is_there_and_what_was_received_must_agree(string sql, string fault)
    {
        await DaysAsync(33);
        await SqlAsync(sql);

        Assert.Contains(fault, (await Assert.ThrowsAsync<RuleBrokenException>(() => Closer().CloseAsync(October, [], Alice, Cancel))).Message);
        Assert.Equal(0, await CountAsync("invoice"));
    }

    [Fact]
    public async Task Expired_bytes_leave_a_closed_month_verified_and_explained()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var id = await TextAsync("SELECT period || '-' || n FROM charge WHERE day = '2026-10-02' AND tier = 0 AND workload > 0 ORDER BY n LIMIT 1");
        Assert.Equal(0, await Keeper().RunAsync(Cancel));
        _clock.Advance(TimeSpan.FromDays(40));

        Assert.Equal(31, await Keeper().RunAsync(Cancel));

        // What lies in the open month stays, whatever its age; and what is gone is told.
        Assert.Equal((2L, 33L), (await CountAsync("batch"), await CountAsync("receipt")));
        Assert.Contains("31 batches have expired", Assert.Single(await VerifiedAsync()));
        var explained = (await new ChargeExplanation(_store, _options).ExplainAsync(id, new Caller(Roles.Reader, "t", null), 10, Cancel))!;
        Assert.Equal((24, 3_600_000_000), (explained.Buckets.Count, explained.Buckets.Sum(bucket => bucket.Quantity)));
        var batch = Assert.Single(explained.Batches, one => one.Sequence == 2);
        Assert.Equal((true, 0, await TextAsync("SELECT " + (_store.IsPostgres ? "encode(hash, 'hex')" : "lower(hex(hash))") + " FROM receipt WHERE sequence = 2")), (batch.Expired, batch.Readings.Count, batch.Sha256));
        await DaysAsync(30);
        await Closer().CloseAsync(November, [], Alice, Cancel);
        await VerifiedAsync();
    }

    [Theory]
    [InlineData("UPDATE usage SET cpu_us = cpu_us + 1 WHERE bucket = (SELECT MIN(bucket) FROM usage)", "usage")]
    [InlineData("UPDATE conservation SET memory_bs = memory_bs + 1 WHERE bucket = (SELECT MIN(bucket) FROM conservation)", "usage")]
    [InlineData("DELETE FROM receipt WHERE sequence = 3", "receipt")]
    [InlineData("DELETE FROM batch WHERE sequence = 33", "batch")]
    public async Task What_is_changed_after_bytes_have_expired_is_found_all_the_same(string sql, string table)
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        _clock.Advance(TimeSpan.FromDays(40));
        await Keeper().RunAsync(Cancel);

        await SqlAsync(sql);

        Assert.Equal(table, (await VerifyAsync()).Summary.First?.Table);
    }

    [Fact]
    public async Task Expiry_that_is_killed_leaves_nothing_half_and_altered_bytes_are_kept()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        _clock.Advance(TimeSpan.FromDays(40));
        var killed = Keeper();
        killed.FaultPoint = at => { if (at == "deleted") throw new InvalidOperationException("killed"); };
        await Assert.ThrowsAsync<InvalidOperationException>(() => killed.RunAsync(Cancel));
        Assert.Equal((33L, 0L), (await CountAsync("batch"), await CountAsync("batch_expiry")));
        await VerifiedAsync();

        await SqlAsync("UPDATE batch SET bytes = (SELECT o.bytes FROM batch o WHERE o.sequence = 6) WHERE sequence = 5");
        Assert.Equal(4, await Keeper().RunAsync(Cancel));
        Assert.Equal(29, await CountAsync("batch"));
    }

    [Fact]
    public async Task A_month_that_is_never_closed_keeps_its_bytes_for_as_long_as_it_is_told()
    {
        await DaysAsync(33);
        _clock.Advance(TimeSpan.FromDays(40));
        Assert.Equal(0, await Keeper().RunAsync(Cancel));
        _clock.Advance(TimeSpan.FromDays(400));
        Assert.Equal(33, await Keeper().RunAsync(Cancel));
        await VerifiedAsync();
    }

    [Fact]
    public async Task A_label_that_changed_in_the_month_prices_each_part_by_its_own_value()
    {
        await SqlAsync("DELETE FROM price_version");
        var version = new PriceVersion
        {
            Currency = "EUR",
            Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = 10, Selector = new PriceSelector { Label = new() { ["class"] = "gold" } } }, new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = 1 }],
        };
        await _store.WriteAsync(async transaction =>
        {
            transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = System.Text.Json.JsonSerializer.Serialize(version, LedgerJson.Options) });
            await transaction.Context.SaveChangesAsync(Cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
        }, Cancel);
        for (var day = 0; day < 33; day++)
        {
            var batch = _host.Next(("/a", 3_600_000_000, false));
            batch.Workloads[0].Labels["class"] = day is >= 10 and < 20 ? "gold" : "plain";
            await WriteAsync(batch);
        }

        await Closer().CloseAsync(October, [], Alice, Cancel);

        // Ten days at 10 and twenty-one at 1, less 10 %.
        Assert.Equal((100 + 21) * 0.9m, Assert.Single(await DocumentsAsync()).Total);
        await VerifiedAsync();
    }

    private RetentionKeeper Keeper() => new(_store, new RetentionOptions { Batches = TimeSpan.FromDays(35), OpenBatches = TimeSpan.FromDays(400) }, _clock, NullLogger<RetentionKeeper>.Instance);

    [Fact]
    public async Task Charges_are_stored_as_they_are_whatever_their_size()
    {
        var heading = new ChargeHeading("2026-10", "2026-09", "tänant", "cpuSeconds in Core-Hours", "b", 2, 1, null, "EUR", "Core-Hours", -500_000_000);
        var large = (Int128.One << 96) - 1;
        ChargeEntry[] charges =
        [
            new(heading, "2026-10-02", 9, 5, 6, 0, 3600) { N = 1 },
            new(heading with { TermsFrom = 3, Kind = "allocation", Cause = "void 000017" }, "2026-10-03", 0, -5, 0, 3600, 7200) { N = 2, Used = 0 },
            new(heading, "2026-10-04", long.MaxValue, Int128.MinValue, Int128.MaxValue, 7, 9_000_000_000) { N = 3, Used = -large, Reserved = -large - 1 },
            new(heading, "2026-10-04", 1, large, large + 1, 0, 3600) { N = 4, Reserved = 4 },
        ];

        await _store.WriteAsync(async transaction =>
        {
            await ChargeStore.InsertAsync(transaction, charges, 0, charges.Length);
            await InvoiceStore.InsertAsync(transaction, new ClosedPeriod("2026-10", "", "", "", ""));
            var note = new InvoiceDocument("000018", 18, "creditNote", "2026-10", "2026-09", "000017", new InvoiceTenant("t", "T", "UTC"), "EUR", default, default, "", [], 0, new Dictionary<string, decimal>()) { Voids = "000017" };
            await InvoiceStore.InsertAsync(transaction, note, "", "");
        }, Cancel);

        await using var connection = await _store.OpenReadAsync(Cancel);
        Assert.Equal(charges, await ChargeStore.ReadAsync(connection, "period = @value", "2026-10", Cancel).ToListAsync(Cancel));
    }
}
