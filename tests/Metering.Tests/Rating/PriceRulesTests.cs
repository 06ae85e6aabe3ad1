using System.Globalization;
using Metering.Service;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Xunit;

namespace Metering.Tests.Rating;

public sealed class PriceRulesTests
{
    [Theory]
    [InlineData("cpuSeconds", "Core-Hours", "0.04", "2026-11-01T00:00:00Z", null)]
    [InlineData("cpuSeconds", "GB", "0.04", "2026-11-01T00:00:00Z", "prices[0].unit 'GB'")]
    [InlineData("nonsense", "GB", "0.04", "2026-11-01T00:00:00Z", "prices[0].meter 'nonsense' is unknown")]
    [InlineData("pidsPeak", "Tasks", "0.04", "2026-11-01T00:00:00Z", "peak")]
    [InlineData("cpuSeconds", "Core-Hours", "-1", "2026-11-01T00:00:00Z", "out of range")]
    [InlineData("cpuSeconds", "Core-Hours", "1000000000", "2026-11-01T00:00:00Z", "out of range")]
    [InlineData("cpuSeconds", "Core-Hours", "0.00000000001", "2026-11-01T00:00:00Z", "decimal places")]
    [InlineData("cpuSeconds", "Core-Hours", "0.04", "2026-11-01T00:10:00Z", "nearest bounds are 2026-11-01T00:00:00.0000000+00:00 and 2026-11-01T01:00:00.0000000+00:00")]
    public void Price_versions_are_checked(string meter, string unit, string price, string from, string? says)
    {
        var faults = Check(new Price { Meter = meter, Unit = unit, Amount = decimal.Parse(price, CultureInfo.InvariantCulture) }, DateTimeOffset.Parse(from, CultureInfo.InvariantCulture));

        if (says is null) Assert.Equal("", faults);
        else Assert.Contains(says, faults);
    }

    [Fact]
    public void Every_fault_is_listed_at_once_with_its_field()
    {
        var version = new PriceVersion
        {
            Currency = "XYZ",
            ValidFrom = new DateTimeOffset(2026, 11, 2, 0, 0, 0, TimeSpan.Zero),
            ValidTo = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero),
            Prices =
            [
                Ratings.Tiered("graduated", (100, 1), (50, -2), (200, 3)),
                Ratings.PerUnit(1) with { Selector = new PriceSelector { Kind = "docker" } },
                new Price { Meter = "ioReadBytes", Unit = "GiB", Model = "package", Amount = 1, Basis = "reservation" },
                new Price { Meter = "ioWriteBytes", Unit = "GiB", Model = "stepped", Amount = 1 },
                new Price { Model = "flat", Unit = "Weeks", Meter = "cpuSeconds" },
                new Price { Meter = "memoryByteSeconds", Unit = "GiB-Hours", Tiers = [new Tier(null, 1), new Tier(5, null)] },
            ],
        };

        var faults = PriceRules.Check(version, 3600, []);

        Assert.Equal(
            ["currency", "validTo", "prices[0].tiers[1].price", "prices[0].tiers[1].upTo", "prices[0].tiers[2].upTo", "prices[1].selector", "prices[2].basis", "prices[2].packageSize", "prices[3].model",
             "prices[4].meter", "prices[4].unit", "prices[4].price", "prices[5].tiers[0].upTo", "prices[5].tiers[1].price", "prices[5].tiers[1].upTo"],
            faults.Select(fault => fault.Field));
        Assert.Contains(faults, fault => fault.Pointer == "/prices/0/tiers/1/upTo" && fault.Message.Contains("overlap"));
        Assert.Contains(faults, fault => fault.Field == "prices[0].tiers[2].upTo" && fault.Message.Contains("gap"));
        Assert.Contains(faults, fault => fault.Field == "prices[1].selector" && fault.Message.Contains("matches nothing"));
    }

    [Fact]
    public void Versions_that_hold_at_the_same_time_are_refused()
    {
        var version = new PriceVersion { Currency = "EUR", Prices = [Ratings.PerUnit(1)] };

        Assert.Contains("same time", Assert.Single(PriceRules.Check(version, 3600, [(1, version)])).Message);
    }

    [Fact]
    public void A_price_behind_one_that_takes_all_is_never_reached()
    {
        static List<Fault> Check(string? first, string? second) => PriceRules.Check(new PriceVersion
        {
            Currency = "EUR",
            Prices = [Ratings.PerUnit(1) with { Selector = new PriceSelector { Kind = first } }, Ratings.PerUnit(2) with { Selector = new PriceSelector { Kind = second } }],
        }, 3600, []);

        Assert.Contains("twice", Assert.Single(Check(null, null)).Message);
        Assert.Contains("matches nothing", Assert.Single(Check(null, "docker")).Message);
        Assert.Contains("matches nothing", Assert.Single(Check("doc*", "docker")).Message);
        Assert.Contains("matches nothing", Assert.Single(Check("docker", "docker")).Message);
        Assert.Empty(Check("docker", "doc*"));
        Assert.Empty(Check("docker", null));
    }

    [Theory]
    [InlineData("EUR", 2)]
    [InlineData("JPY", 0)]
    [InlineData("TND", 3)]
    [InlineData("CLF", 4)]
    [InlineData("eur", -1)]
    [InlineData("XXX", -1)]
    public void Currencies_are_those_of_the_standard(string code, int digits)
    {
        Assert.Equal(digits >= 0, Currency.TryDigits(code, out var found));
        if (digits >= 0) Assert.Equal(digits, found);
    }

    [Fact]
    public void A_contract_is_checked_field_by_field()
    {
        var contract = new Contract
        {
            Terms =
            [
                new ContractTerms { Discount = 101, Minimum = 1.001m, PriceBook = "none" },
                new ContractTerms { Commitment = -1, PriceBook = "dollars", ValidFrom = new DateTimeOffset(2026, 1, 1, 0, 7, 0, TimeSpan.Zero) },
            ],
            Credits = [new Balance { Id = "c", Amount = 1 }, new Balance { Id = "c" }],
        };

        var faults = ContractRules.Check(contract, new Tenant { Id = "t" }, 3600, new Dictionary<string, IReadOnlyList<string>> { ["dollars"] = ["USD"] });

        Assert.Equal(["terms[0].discount", "terms[0].minimum", "terms[0].priceBook", "terms[1].validFrom", "terms[1].validFrom", "terms[1].commitment", "terms[1].priceBook", "credits[1].id", "credits[1].amount"],
            faults.Select(fault => fault.Field));
    }

    [Theory]
    [InlineData("0", "0.5", "threshold")]
    [InlineData("100.1", "0.5", "threshold")]
    [InlineData("20.0000001", "0.5", "threshold")]
    [InlineData(null, null, "threshold perCoreHour")]
    [InlineData("20", "0", "perCoreHour")]
    [InlineData("-1", "-1", "threshold perCoreHour")]
    [InlineData("20", "0.00000000001", "perCoreHour")]
    [InlineData("20", "0.0000000001", "")]
    public void A_service_credit_is_checked_field_by_field(string? threshold, string? price, string faults)
    {
        var credit = new ServiceCredit { Threshold = Number(threshold), PerCoreHour = Number(price) };

        var found = ContractRules.Check(new Contract { Terms = [new ContractTerms { ServiceCredit = credit }] }, new Tenant { Id = "t" }, 3600, new Dictionary<string, IReadOnlyList<string>>());

        Assert.Equal(faults, string.Join(" ", found.Select(fault => fault.Field.Replace("terms[0].serviceCredit.", "", StringComparison.Ordinal))));

        static decimal? Number(string? text) => text is null ? null : decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public void The_grain_is_fine_from_its_instant_on()
    {
        var grain = new LedgerGrain(3600, 7200);

        Assert.Equal([0L, 3600, 7200, 8100], new long[] { 3599, 7199, 8000, 8100 }.Select(grain.Floor));
        Assert.Equal([3600L, 7200, 8100, 8100], new long[] { 900, 7199, 7201, 8100 }.Select(grain.Ceiling));
        Assert.Equal([(3600L, 0L, 100_000_000L), (7200, 100_000_000, 1_000_000_000), (8100, 1_000_000_000, 1_100_000_000)],
            BucketSplit.Of(7_100_000_000, 8_200_000_000, grain).Select(part => (part.Bucket, part.From, part.To)));
    }

    private static string Check(Price price, DateTimeOffset from) => string.Join(" ", PriceRules.Check(new PriceVersion { Currency = "EUR", ValidFrom = from, Prices = [price] }, 3600, []));
}
