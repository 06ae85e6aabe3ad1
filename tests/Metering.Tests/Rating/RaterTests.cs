using Metering.Meters;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Xunit;
using static Metering.Tests.Rating.Ratings;

namespace Metering.Tests.Rating;

public sealed class RaterTests
{
    [Fact]
    public void A_core_hour_costs_its_price()
    {
        var charge = Assert.Single(Rate(Catalogue(PerUnit(0.04m)), [(Start, CoreHour)]));

        Assert.Equal((1m, 0.04m), (charge.Quantity, charge.Cost.ToDecimal()));
    }

    [Fact]
    public void A_rater_that_skips_to_the_middle_goes_on_as_if_it_had_rated_the_rows()
    {
        foreach (var price in (Price[])[PerUnit(0.07m), Tiered("graduated", (0.001m, 1), (0.002m, 0.5m), (null, 0.1m)), Tiered("volume", (0.001m, 1), (0.002m, 0.5m), (null, 0.1m))])
        {
            var catalogue = Catalogue(price);
            var rows = Enumerable.Range(0, 10).Select(hour => (Bucket: Start + hour * Hour, Used: 1_234_567L + hour)).ToList();
            var whole = new Rater(catalogue);
            foreach (var row in rows.Take(6)) Rate(whole, row.Bucket, row.Used);
            var later = new Rater(catalogue);
            later.For("t").Skip(Start, 1, _ => rows.Take(6).Sum(row => row.Used));

            foreach (var row in rows.Skip(6)) Assert.Equal(Rate(whole, row.Bucket, row.Used), Rate(later, row.Bucket, row.Used));
        }
    }

    [Fact]
    public void Nothing_used_costs_nothing_and_unknown_is_not_priced()
    {
        Assert.Equal(0m, Assert.Single(Rate(Catalogue(PerUnit(1)), [(Start, 0)])).Cost.ToDecimal());
        Assert.Empty(Rate(new Rater(Catalogue(PerUnit(1))), Start, null));
    }

    [Fact]
    public void A_tenant_without_a_book_has_no_price() => Assert.Null(new PriceCatalogue([new Tenant { Id = "t" }], []).At("t", Start).Prices);

    [Fact]
    public void A_new_month_starts_the_tiers_anew()
    {
        var charges = Rate(Catalogue(Tiered("graduated", (1, 10), (null, 1))), [(Start, 2 * CoreHour), (Start + 30 * 24 * Hour, CoreHour)]);

        Assert.Equal([10m, 1m, 10m], charges.Select(charge => charge.Cost.ToDecimal()));
    }

    [Fact]
    public void Prices_change_at_their_instant_and_tiers_go_on_counting()
    {
        var change = DateTimeOffset.FromUnixTimeSeconds(Start + 2 * Hour);
        var catalogue = Catalogue("UTC", null,
            new PriceVersion { Currency = "EUR", ValidTo = change, Prices = [Tiered("graduated", (3, 10), (null, 1))] },
            new PriceVersion { Currency = "EUR", ValidFrom = change, Prices = [Tiered("graduated", (3, 20), (null, 2))] });

        var charges = Rate(catalogue, [(Start, CoreHour), (Start + Hour, CoreHour), (Start + 2 * Hour, 2 * CoreHour)]);

        Assert.Equal([10m, 10m, 20m, 2m], charges.Select(charge => charge.Cost.ToDecimal()));
        Assert.Equal([1, 1, 2, 2], charges.Select(charge => charge.Line.Version));
    }

    [Fact]
    public void The_larger_of_usage_and_reservation_is_taken_hour_by_hour_and_both_terms_are_kept()
    {
        var catalogue = Catalogue(PerUnit(1) with { Basis = "max(usage, reservation)" });
        var (cpu, reserved) = (MeterCatalogue.Cpu, MeterCatalogue.CpuReserved);

        var row = Assert.Single(Book(catalogue, [(Start, 1, cpu, 3 * CoreHour), (Start, 1, reserved, CoreHour), (Start + Hour, 1, reserved, 2 * CoreHour), (Start + Hour, 1, cpu, 0), (Start + 2 * Hour, 1, cpu, CoreHour)]));

        Assert.Equal((6m, (Int128)4 * CoreHour, (Int128)3 * CoreHour), (row.Cost.ToDecimal(), row.Used!.Value, row.Reserved!.Value));
    }

    [Fact]
    public void A_reservation_that_is_not_known_is_not_priced()
    {
        Assert.Empty(Book(Catalogue(PerUnit(1) with { Basis = "reservation" }), [(Start, 1, MeterCatalogue.Cpu, CoreHour)]));
    }

    [Fact]
    public void The_first_price_whose_selector_matches_holds()
    {
        var catalogue = Catalogue(PerUnit(5) with { Selector = new PriceSelector { HostClass = "gpu" } }, PerUnit(3) with { Selector = new PriceSelector { Kind = "lx*", Label = new() { ["env"] = "prod" } } }, PerUnit(1));
        WorkloadTraits Of(long workload) => workload switch
        {
            1 => new("h", "docker", new Dictionary<string, string>(), new Dictionary<string, string> { ["class"] = "gpu" }),
            2 => new("h", "lxc", new Dictionary<string, string> { ["env"] = "prod" }, new Dictionary<string, string>()),
            _ => new("h", "lxc", new Dictionary<string, string> { ["env"] = "test" }, new Dictionary<string, string>()),
        };

        var rows = Book(catalogue, [(Start, 1, MeterCatalogue.Cpu, CoreHour), (Start, 2, MeterCatalogue.Cpu, CoreHour), (Start, 3, MeterCatalogue.Cpu, CoreHour)], traits: Of);

        Assert.Equal([(1L, 5m), (2L, 3m), (3L, 1m)], rows.Select(row => (row.Workload, row.Cost.ToDecimal())));
        Assert.Equal("cpuSeconds in Core-Hours of kind=lx*, label:env=prod", rows[1].Line.Sku);
    }

    [Fact]
    public void A_price_per_month_accrues_to_exactly_itself_whatever_runs_and_however_it_is_cut()
    {
        var catalogue = Catalogue("Europe/Berlin", null, new PriceVersion { Currency = "EUR", Prices = [new Price { Model = "flat", Unit = "Months", Amount = 99.99m }] });
        var (from, to) = new BillingPeriod(2026, 10).Bounds(TenantCalendar.Zone("Europe/Berlin"));

        var rows = Book(catalogue, [], (from, to));
        var halves = Book(catalogue, [], (from, from + 100 * Hour)).Concat(Book(catalogue, [], (from + 100 * Hour, to)));

        Assert.Equal(31, rows.Count);
        Assert.Equal(99.99m, rows.Aggregate(Amount.Zero, (sum, row) => sum + row.Cost).ToDecimal());
        Assert.Equal(99.99m, halves.Aggregate(Amount.Zero, (sum, row) => sum + row.Cost).ToDecimal());
    }

    [Fact]
    public void The_same_input_gives_the_same_rows_in_the_same_order()
    {
        var catalogue = Catalogue(Tiered("graduated", (5, 3), (50, 2), (null, 1)), new Price { Meter = "memoryByteSeconds", Unit = "GiB-Hours", Amount = 0.01m });
        var random = new Random(3);
        var usage = Enumerable.Range(0, 400).Select(i => (Start + i / 4 * Hour, i % 4L + 1, i % 2 == 0 ? MeterCatalogue.Cpu : MeterCatalogue.Memory, random.NextInt64(3 * CoreHour))).ToArray();
        var first = Book(catalogue, usage).Select(row => $"{row.Key} {row.Quantity} {row.Cost}").ToArray();
        random.Shuffle(usage);

        Assert.Equal(first, Book(catalogue, usage).Select(row => $"{row.Key} {row.Quantity} {row.Cost}"));
        Assert.Equal(first.Length, first.Select(row => row.Split(' ')[0]).Count());
    }
}
