using Metering.Meters;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Xunit;

namespace Metering.Tests.Rating;

public sealed class RaterTests
{
    private const long Hour = 3600;
    private static readonly long Start = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();

    [Fact]
    public void A_core_hour_costs_its_price()
    {
        var charge = Assert.Single(Rate(Catalogue(0.04m), [(Start, 3_600_000_000m)]));

        Assert.Equal(1m, charge.Quantity);
        Assert.Equal(0.04m, charge.Cost);
    }

    [Fact]
    public void Any_split_of_a_period_costs_the_same_to_the_last_digit()
    {
        var random = new Random(4);
        var catalogue = Catalogue(0.0123456789m);
        for (var i = 0; i < 200; i++)
        {
            var rows = Enumerable.Range(0, 50).Select(hour => (Start + hour * Hour, (decimal)random.NextInt64(0, 20_000_000_000))).ToList();
            var whole = Rate(catalogue, [(Start, rows.Sum(row => row.Item2))]).Sum(charge => charge.Cost);

            Assert.Equal(whole, Rate(catalogue, rows).Sum(charge => charge.Cost));
        }
    }

    [Fact]
    public void A_rater_that_starts_in_the_middle_goes_on_from_the_sum_before()
    {
        var catalogue = Catalogue(0.07m);
        var rows = Enumerable.Range(0, 10).Select(hour => (Start + hour * Hour, 1_234_567m + hour)).ToList();
        var whole = Rate(catalogue, rows);

        var later = new Rater(catalogue);
        later.Start("t", "cpuSeconds in Core-Hours", Start, rows.Take(6).Sum(row => row.Item2));
        var rest = rows.Skip(6).SelectMany(row => Rate(later, row)).ToList();

        Assert.Equal(whole.Skip(6).Select(charge => charge.Cost), rest.Select(charge => charge.Cost));
    }

    [Fact]
    public void Nothing_used_costs_nothing_and_unknown_is_not_priced()
    {
        Assert.Equal(0m, Assert.Single(Rate(Catalogue(1), [(Start, 0m)])).Cost);
        Assert.Empty(Rate(new Rater(Catalogue(1)), (Start, null)));
    }

    [Fact]
    public void A_tenant_without_a_book_has_no_price() => Assert.Empty(new PriceCatalogue([new Tenant { Id = "t" }], []).For("t", Start));

    [Theory]
    [InlineData("cpuSeconds", "Core-Hours", "0.04", "2026-11-01T00:00:00Z", null)]
    [InlineData("cpuSeconds", "GB", "0.04", "2026-11-01T00:00:00Z", "unit 'GB'")]
    [InlineData("nonsense", "GB", "0.04", "2026-11-01T00:00:00Z", "unknown")]
    [InlineData("pidsPeak", "Tasks", "0.04", "2026-11-01T00:00:00Z", "peak")]
    [InlineData("cpuSeconds", "Core-Hours", "-1", "2026-11-01T00:00:00Z", "out of range")]
    [InlineData("cpuSeconds", "Core-Hours", "0.00000000001", "2026-11-01T00:00:00Z", "decimal places")]
    [InlineData("cpuSeconds", "Core-Hours", "0.04", "2026-11-01T00:10:00Z", "nearest bounds")]
    public void Price_versions_are_checked(string meter, string unit, string price, string from, string? says)
    {
        var version = new PriceVersion
        {
            Currency = "EUR",
            ValidFrom = DateTimeOffset.Parse(from, System.Globalization.CultureInfo.InvariantCulture),
            Prices = [new Price { Meter = meter, Unit = unit, Amount = decimal.Parse(price, System.Globalization.CultureInfo.InvariantCulture) }],
        };

        var faults = string.Join(" ", PriceRules.Check(version, 3600, []));

        if (says is null) Assert.Equal("", faults);
        else Assert.Contains(says, faults);
    }

    [Fact]
    public void Versions_that_hold_at_the_same_time_are_refused()
    {
        var version = new PriceVersion { Currency = "EUR", Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = 1 }] };

        Assert.Contains("same time", Assert.Single(PriceRules.Check(version, 3600, [(1, version)])));
    }

    private static PriceCatalogue Catalogue(decimal price) => new(
        [new Tenant { Id = "t", PriceBook = "b" }],
        [("b", 1, new PriceVersion { Currency = "EUR", Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = price }] })]);

    private static List<(PriceLine Line, decimal Quantity, decimal Cost)> Rate(PriceCatalogue catalogue, IEnumerable<(long Bucket, decimal Microseconds)> rows)
    {
        var rater = new Rater(catalogue);
        return rows.SelectMany(row => Rate(rater, (row.Bucket, row.Microseconds))).ToList();
    }

    private static List<(PriceLine Line, decimal Quantity, decimal Cost)> Rate(Rater rater, (long Bucket, decimal? Microseconds) row)
    {
        var quantities = new decimal?[MeterCatalogue.All.Count];
        quantities[MeterCatalogue.Cpu.Index] = row.Microseconds;
        var charges = new List<(PriceLine Line, decimal Quantity, decimal Cost)>();
        rater.Rate("t", row.Bucket, quantities, charges);
        return charges;
    }
}
