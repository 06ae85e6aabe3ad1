using System.Data.Common;
using System.Security.Claims;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>Prices, contracts and the grain, as the ledger keeps them.</summary>
public abstract partial class LedgerContract
{
    private static readonly ClaimsPrincipal Alice = new(new ClaimsIdentity([new Claim(ClaimTypes.Name, "alice")], "test"));

    [Fact]
    public async Task A_version_that_has_started_keeps_its_prices_and_only_its_end_moves()
    {
        var clock = new FakeClock(Start);
        var first = Version(0.05m) with { ValidFrom = Start.AddHours(-3) };
        Assert.Empty(await PutPrice(clock, 1, first));

        Assert.Contains("prices can not change", Assert.Single(await PutPrice(clock, 1, first with { Prices = [Cpu(0.06m)] })));
        Assert.Contains("prices can not change", Assert.Single(await PutPrice(clock, 1, first with { Prices = [Cpu(0.06m)] }, force: true)));
        Assert.Contains("validFrom can not change", Assert.Single(await PutPrice(clock, 1, first with { ValidFrom = Start.AddHours(-2) })));
        Assert.Empty(await PutPrice(clock, 1, first with { Prices = [Cpu(0.050m)] }));

        // A past end or a past start prices anew what is priced: only when told so.
        Assert.Contains("force", Assert.Single(await PutPrice(clock, 1, first with { ValidTo = Start.AddHours(-1) })));
        Assert.Empty(await PutPrice(clock, 1, first with { ValidTo = Start.AddHours(-1) }, force: true));
        var second = Version(0.06m) with { ValidFrom = Start.AddHours(-1) };
        Assert.Contains("force", Assert.Single(await PutPrice(clock, 2, second)));
        Assert.Empty(await PutPrice(clock, 2, second, force: true));

        // One that has not started is free.
        Assert.Empty(await PutPrice(clock, 2, second with { ValidTo = Start.AddHours(5) }));
        Assert.Empty(await PutPrice(clock, 3, Version(0.07m) with { ValidFrom = Start.AddHours(5) }));
        Assert.Empty(await PutPrice(clock, 3, Version(0.08m) with { ValidFrom = Start.AddHours(6) }));
        Assert.Equal(["price-version.past b/1", "price-version.put b/1", "price-version.forced b/1", "price-version.forced b/2", "price-version.put b/2", "price-version.put b/3", "price-version.put b/3"],
            await Audit());
    }

    [Fact]
    public async Task The_audit_trail_can_not_be_changed()
    {
        await PutPrice(new FakeClock(Start), 1, Version(1));

        foreach (var sql in new[] { "UPDATE audit SET actor = 'bob'", "DELETE FROM audit" })
            await Assert.ThrowsAnyAsync<DbException>(() => _store.WriteAsync(transaction => transaction.ExecuteAsync(sql), Cancel));

        Assert.Equal(["price-version.past b/1"], await Audit());
    }

    [Fact]
    public async Task Costs_of_a_part_of_a_month_are_cut_by_the_tiers_of_the_whole()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        foreach (var price in new[]
        {
            Cpu(null) with { Model = "graduated", Tiers = [new Tier(0.002m, 3), new Tier(0.005m, 2), new Tier(null, 1)] },
            Cpu(null) with { Model = "volume", Tiers = [new Tier(0.002m, 3), new Tier(0.005m, 2), new Tier(null, 1)] },
            Cpu(7) with { Basis = "max(usage, reservation)" },
            Cpu(7) with { Selector = new PriceSelector { Kind = "raw" } },
            new Price { Model = "flat", Unit = "Workload-Months", Amount = 30 },
            new Price { Model = "flat", Unit = "Months", Amount = 30 },
        })
        {
            await Change($"DELETE FROM price_version");
            await Change($"DELETE FROM tenant");
            await Store(price);
            for (var hour = -9; hour <= 0 && await Count("usage") < 20; hour++) await Write(Hour(hour));

            var hours = (await Costs("hour", "")).Rows;
            var whole = Assert.Single((await Costs("total", "")).Rows).Cost?.ToDecimal();
            var rest = Assert.Single((await Costs("total", "", from: -4)).Rows).Cost?.ToDecimal();

            Assert.True(whole > 0);
            Assert.Equal(whole, hours.Sum(row => row.Cost?.ToDecimal()));
            Assert.Equal(hours.Where(row => row.Start >= Start.AddHours(-4)).Sum(row => row.Cost?.ToDecimal()), rest);
            Assert.Equal(whole, (await Costs("total", "workload")).Rows.Sum(row => row.Cost?.ToDecimal()));
        }
    }

    [Fact]
    public async Task A_dry_run_tells_the_difference_by_tenant_and_changes_nothing()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Store(Cpu(1));
        await Write(Batch(1, ("/a", 3_600_000_000), ("/b", 3_600_000_000)));
        var dryRun = new DryRun(_store, _options, new FakeClock(Start.AddHours(1)));

        var (answer, faults) = await dryRun.RunAsync("b", new DryRunDraft { Versions = [Version(3) with { ValidFrom = Start.AddYears(1) }] }, 2, Cancel);

        Assert.Empty(faults);
        Assert.Equal(new DryRunRow("t", "2026-11", "EUR", 2, 6, 4), Assert.Single(answer!.Rows));
        Assert.Equal(1, await Count("price_version"));

        (answer, faults) = await dryRun.RunAsync("b", new DryRunDraft { Versions = [Version(-1) with { Currency = "no" }] }, 1, Cancel);
        Assert.Null(answer);
        Assert.Equal(["versions[0].currency", "versions[0].prices[0].price"], faults.Select(fault => fault.Field));
        Assert.Empty((await dryRun.RunAsync("other", new DryRunDraft { Versions = [Version(1)] }, 1, Cancel)).Answer!.Rows);
    }

    [Fact]
    public async Task The_grain_becomes_fine_from_the_next_hour_when_a_price_needs_it_and_what_is_stored_stays()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Store(Cpu(1));
        await Write(Batch(1, ("/a", 1_000_000)));
        var clock = new FakeClock(Start.AddMinutes(5));
        Assert.Empty(await PutPrice(clock, 1, Version(1) with { Prices = [Cpu(1)], ValidTo = Start.AddHours(9) }));

        Assert.Contains(await PutPrice(clock, 2, Version(2) with { ValidFrom = Start.AddMinutes(30) }, force: true), fault => fault.Contains("nearest bounds are 2026-11-22T08:00"));
        Assert.Empty(await PutPrice(clock, 1, Version(1) with { Prices = [Cpu(1)], ValidTo = Start.AddMinutes(75) }));
        Assert.Empty(await PutPrice(clock, 2, Version(2) with { ValidFrom = Start.AddMinutes(75) }));
        var batch = Batch(2, ("/a", 40_000_000));
        batch.WindowStart = Timestamp.FromDateTimeOffset(Start.AddMinutes(55));
        batch.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddMinutes(95));
        await Write(batch);

        Assert.Equal([0L, 3600, 4500, 5400], (await Numbers("SELECT bucket FROM usage ORDER BY bucket")).Select(bucket => bucket - Start.ToUnixTimeSeconds()));
        Assert.Equal(41m, (await Usage())["cpuSeconds"]);
        var cost = (await Costs("total", "")).Rows.Single().Cost?.ToDecimal();
        Assert.Equal(Math.Round(21_000_000 / 3_600_000_000m, 9) + (Math.Round(41_000_000 / 3_600_000_000m, 9) - Math.Round(21_000_000 / 3_600_000_000m, 9)) * 2, cost);
    }

    [Fact]
    public async Task A_half_hour_zone_makes_the_grain_fine_and_its_months_add_up()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Store(Cpu(null) with { Model = "graduated", Tiers = [new Tier(0.001m, 2), new Tier(null, 1)] });
        await Change("UPDATE tenant SET time_zone = 'Asia/Kolkata'");
        await Write(Batch(1, ("/a", 1_000_000)));
        var grain = await _store.WriteAsync(transaction => LedgerGrain.RefineAsync(transaction, _options, [], TenantCalendar.StepOf(TenantCalendar.Zone("Asia/Kolkata"), Start.ToUnixTimeSeconds()), Start), Cancel);
        Assert.Equal(Start.AddHours(1).ToUnixTimeSeconds(), grain.FineFrom);

        // December begins at 18:30 UTC.
        var batch = Batch(2, ("/a", 40_000_000));
        batch.WindowStart = Timestamp.FromDateTimeOffset(new DateTimeOffset(2026, 11, 30, 18, 10, 0, TimeSpan.Zero));
        batch.WindowEnd = Timestamp.FromDateTimeOffset(new DateTimeOffset(2026, 11, 30, 18, 50, 0, TimeSpan.Zero));
        await Write(batch);

        var query = UsageQuery.From(new UsageParameters { From = "2026-11", To = "2026-12", Step = "month", TimeZone = "Asia/Kolkata" }, Service.Access.Caller.Local, grain, _store.IsPostgres, Start, out _)!;
        var months = (await new CostReport(_store, _options).RunAsync(query, Cancel)).Rows;
        var used = (await new UsageReport(_store, _options).RunAsync(query, Cancel)).Rows;
        Assert.Equal([21m, 20m], used.Select(row => row.Quantities["cpuSeconds"]));
        Assert.Equal(["2026-11-30T18:30:00", "2026-12-31T18:30:00"], months.Select(row => row.End.ToString("s", System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal([0.001m * 2 + (Math.Round(21 / 3600m, 9) - 0.001m), 0.001m * 2 + (Math.Round(20 / 3600m, 9) - 0.001m)], months.Select(row => row.Cost!.Value.ToDecimal()));
    }

    [Fact]
    public async Task A_quota_on_cost_counts_tiers_over_the_month_and_refuses_what_it_can_not_count()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Store(Cpu(null) with { Model = "graduated", Tiers = [new Tier(1, 10), new Tier(null, 1)] });
        await Quota("q", new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cost", Limit = 12, Thresholds = [50, 100] });

        await Write(Batch(1, ("/a", 1_800_000_000)));
        Assert.Equal(0, await Count("alert"));
        await Write(Batch(2, ("/a", 1_800_000_000)));
        Assert.Equal(1, await Count("alert"));
        await Write(Batch(3, ("/a", 3_600_000_000)));
        Assert.Equal(1, await Count("alert"));
        await Write(Batch(4, ("/a", 3_600_000_000)));
        Assert.Equal(2, await Count("alert"));

        var daily = new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cost", Window = "day", Limit = 1 };
        await using (var context = await _store.ReadContextAsync(Cancel))
            Assert.Contains("only be counted with window month", Assert.Single(CostQuotaGuard.Check("d", daily, await PriceCatalogue.LoadAsync(context, Cancel), Start)));
        var clock = new FakeClock(Start);
        var guard = new CostQuotaGuard();
        foreach (var (price, says) in new[]
        {
            (Cpu(1) with { Basis = "max(usage, reservation)" }, "only a whole bucket tells"), (new Price { Model = "flat", Unit = "Workload-Hours", Amount = 1 }, "presence"),
            (Cpu(1) with { Selector = new PriceSelector { Region = "eu" } }, "labels"),
        })
        {
            Assert.Contains(says, Assert.Single(await PutPrice(clock, 2, new PriceVersion { Currency = "EUR", ValidFrom = Start.AddYears(10), Prices = [price] }, force: true, endFirst: true, guards: guard)));
        }
    }

    [Fact]
    public async Task A_contract_names_the_book_and_terms_that_have_started_only_end()
    {
        await Store(Cpu(1));
        var clock = new FakeClock(Start);
        Assert.Contains("terms[0].priceBook 'none' is unknown", Assert.Single(await PutContract(clock, new Contract { Terms = [new ContractTerms { PriceBook = "none" }] })));
        var contract = new Contract { Terms = [new ContractTerms { PriceBook = "b", Discount = 10, Minimum = 5 }], Prepaid = [new Balance { Id = "p", Amount = 100 }] };
        Assert.Empty(await PutContract(clock, contract));
        Assert.Empty(await PutContract(clock, contract));

        Assert.Contains("only its validTo", Assert.Single(await PutContract(clock, new Contract { Terms = [contract.Terms[0] with { Discount = 20 }] })));
        Assert.Contains("no longer has", Assert.Single(await PutContract(clock, new Contract())));
        var next = new Contract { Terms = [contract.Terms[0] with { ValidTo = Start.AddHours(1) }, new ContractTerms { ValidFrom = Start.AddHours(1), Discount = 20 }] };
        Assert.Empty(await PutContract(clock, next));

        await using var context = await _store.ReadContextAsync(Cancel);
        var prices = await PriceCatalogue.LoadAsync(context, Cancel);
        Assert.Equal((10m, 20m), (prices.TermsAt("t", Start.ToUnixTimeSeconds())!.Discount, prices.TermsAt("t", Start.AddHours(1).ToUnixTimeSeconds())!.Discount));
        Assert.Equal(["contract.put t", "contract.put t"], await Audit());
    }

    private static Price Cpu(decimal? price) => new() { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = price };

    private static PriceVersion Version(decimal price) => new() { Currency = "EUR", Prices = [Cpu(price)] };

    // Two workloads, CPU and reservation; every hour more.
    private static UsageBatch Hour(int hour)
    {
        var batch = Batch((ulong)(hour + 10), ("/a", (ulong)(hour + 10) * 777_777), ("/b", (ulong)(hour + 10) * 333_331));
        batch.WindowStart = Timestamp.FromDateTimeOffset(Start.AddHours(hour));
        batch.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddHours(hour).AddSeconds(10));
        if (hour % 2 == 0) batch.Workloads[0].Meters.Add(new MeterReading { Meter = "cpuReservedMicroseconds", Quantity = 5_000_000, Availability = Availability.Exact });
        return batch;
    }

    private Task Store(Price price) => _store.WriteAsync(async transaction =>
    {
        transaction.Context.Add(new Tenant { Id = "t", PriceBook = "b" });
        transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(new PriceVersion { Currency = "EUR", Prices = [price] }, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }, Cancel);

    private Task<CostPage> Costs(string step, string groupBy, int from) => new CostReport(_store, _options).RunAsync(UsageQuery.From(
        new UsageParameters { From = Start.AddHours(from).ToString("O"), To = Start.AddHours(2).ToString("O"), Step = step, GroupBy = groupBy }, Service.Access.Caller.Local, 3600, _store.IsPostgres, Start, out _)!, Cancel);

    private async Task<IReadOnlyList<string>> PutPrice(TimeProvider clock, int number, PriceVersion version, bool force = false, bool endFirst = false, params IPriceGuard[] guards)
    {
        if (endFirst) await Change("DELETE FROM price_version WHERE version > 1");
        if (endFirst) await Change($$"""UPDATE price_version SET json = '{"currency":"EUR","validTo":"{{version.ValidFrom:O}}","prices":[{"meter":"cpuSeconds","unit":"Core-Hours","price":1}]}' WHERE version = 1""");
        try
        {
            await new PriceChange(_store, _options, clock, guards).PutAsync("b", number, version, force, Alice, Cancel);
            return [];
        }
        catch (RuleBrokenException refused)
        {
            return [.. refused.Faults.Select(fault => fault.ToString())];
        }
    }

    private async Task<IReadOnlyList<string>> PutContract(TimeProvider clock, Contract contract)
    {
        try
        {
            Assert.True(await _store.WriteAsync(transaction => ContractEndpoints.PutAsync(transaction, "t", contract, false, Alice, _options, clock.GetUtcNow(), [], Cancel), Cancel));
            return [];
        }
        catch (RuleBrokenException refused)
        {
            return [.. refused.Faults.Select(fault => fault.ToString())];
        }
    }

    private Task Change(string sql) => _store.WriteAsync(async transaction => { await transaction.ExecuteAsync(sql); }, Cancel);

    private async Task<List<string>> Audit()
    {
        var entries = new List<string>();
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT action, subject, actor FROM audit ORDER BY id";
        await using var rows = await command.ExecuteReaderAsync(Cancel);
        while (await rows.ReadAsync(Cancel))
        {
            Assert.Equal("alice", rows.GetString(2));
            entries.Add($"{rows.GetString(0)} {rows.GetString(1)}");
        }

        return entries;
    }

    private async Task<List<long>> Numbers(string sql)
    {
        var numbers = new List<long>();
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var rows = await command.ExecuteReaderAsync(Cancel);
        while (await rows.ReadAsync(Cancel)) numbers.Add(rows.GetInt64(0));
        return numbers;
    }
}
