using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Xunit;
using static Metering.Tests.Rating.Ratings;

namespace Metering.Tests.Rating;

/// <summary>What must hold of every price and every usage. A failure prints the case and the seed that makes it again.</summary>
public sealed class ExactnessTests
{
    private static readonly Gen<decimal> Prices = Gen.Choose(0, 900_000_000).SelectMany(high => Gen.Choose(0, 10).Select(places => (decimal)high / (decimal)BigInteger.Pow(10, places)));

    // Hours of use: none, a microsecond, what a core does, what a large host does.
    private static readonly Gen<long> Used = Gen.OneOf(Gen.Constant(0L), Gen.Constant(1L), Gen.Choose(0, int.MaxValue).Select(i => (long)i), Gen.Choose(0, 1_000_000).Select(i => i * 1_234_567L));

    private static readonly Gen<long[]> Month = Used.ArrayOf(60);

    private static readonly Gen<Price> AnyPrice = Gen.OneOf(
        Prices.Select(PerUnit),
        Tiers().Select(tiers => Tiered("graduated", tiers)),
        Tiers().Select(tiers => Tiered("volume", tiers)),
        Prices.SelectMany(price => Gen.Choose(1, 2_000_000_000).Select(size => PerUnit(price) with { Model = "package", PackageSize = size / 1_000_000_000m })));

    private static Gen<(decimal? UpTo, decimal Price)[]> Tiers() => Gen.Choose(1, 2_000_000_000).ArrayOf(3).SelectMany(steps => Prices.ArrayOf(4).Select(prices =>
    {
        var bounds = steps.Select((_, i) => (decimal?)steps.Take(i + 1).Sum(step => (long)step) / 10_000_000m).Append(null);
        return bounds.Zip(prices).ToArray();
    }));

    [Fact]
    public void Any_split_of_a_period_costs_the_same_to_the_last_digit() => Check(Cases(), one =>
    {
        var catalogue = Catalogue(one.Price);
        var whole = Sum(Rate(catalogue, [(Start, one.Used.Sum())]));
        var rows = Sum(Rate(catalogue, one.Used.Select((used, hour) => (Start + hour * Hour, used))));
        return whole == rows;
    });

    [Fact]
    public void The_rows_add_up_to_the_price_of_the_whole_quantity_by_another_arithmetic() => Check(Cases(), one =>
    {
        var quantity = Rounded(one.Used.Aggregate(BigInteger.Zero, (sum, used) => sum + used) * 1_000_000_000, CoreHour);
        return (BigInteger)Sum(Rate(Catalogue(one.Price), one.Used.Select((used, hour) => (Start + hour * Hour, used)))).Units == Reference(one.Price, quantity);
    });

    [Fact]
    public void Each_row_is_quantity_times_unit_price_as_decimals_and_as_whole_numbers() => Check(Cases(), one => Book(Catalogue(one.Price), Usage(one.Used)).TrueForAll(row =>
        Product(row.Quantity, row.UnitPrice) == (BigInteger)row.Cost.Units &&
        (Digits(row.Cost) > 28 || row.Quantity * row.UnitPrice == row.Cost.ToDecimal())));

    [Fact]
    public void More_use_never_costs_less() => Check(Cases().Where(one => one.Price.Model != "volume"), one =>
    {
        var charges = Rate(Catalogue(one.Price), one.Used.Select((used, hour) => (Start + hour * Hour, used)));
        return charges.TrueForAll(charge => charge.Cost >= Amount.Zero);
    });

    [Fact]
    public void Zero_is_zero() => Check(AnyPrice, price => Sum(Rate(Catalogue(price), Enumerable.Range(0, 60).Select(hour => (Start + hour * Hour, 0L)))) == Amount.Zero);

    [Fact]
    public void A_statement_adds_up_line_by_line_exactly_and_rounded() => Check(Cases().SelectMany(one => Gen.Choose(0, 100_000_000).Select(discount => (one.Price, one.Used, Discount: discount / 1_000_000m))), one =>
    {
        var contract = new Contract { Terms = [new ContractTerms { Discount = one.Discount, Minimum = 17.5m }], Credits = [new Balance { Id = "c", Amount = 5m }] };
        var catalogue = Catalogue("UTC", contract, new PriceVersion { Currency = "EUR", Prices = [one.Price] });
        var rows = Book(catalogue, Usage(one.Used));
        var statement = Assert.Single(StatementMaker.Make(catalogue.Tenants["t"], new BillingPeriod(2026, 11), rows, contract));
        var used = statement.Lines.Where(line => line.Kind == ChargeKind.Usage).Aggregate(Amount.Zero, (sum, line) => sum + line.Cost);
        return used == rows.Aggregate(Amount.Zero, (sum, row) => sum + row.Cost)
            && statement.Total == statement.Lines.Aggregate(Amount.Zero, (sum, line) => sum + line.Rounded)
            && statement.Total == statement.Lines.Aggregate(Amount.Zero, (sum, line) => sum + line.Cost)
            && statement.Total == statement.Total.Round(2)
            && statement.Lines.Where(line => line.Price is not null).All(line => Product(line.Quantity!.Value, line.UnitPrice!.Value) == (BigInteger)line.Cost.Units)
            && statement.Total >= Amount.Zero;
    });

    [Fact]
    public void Amounts_are_exact_as_decimals_and_as_text() => Check(Gen.Choose(int.MinValue, int.MaxValue).ArrayOf(2).SelectMany(parts => Gen.Choose(0, 10).Select(places => ((decimal)parts[0] * parts[1]) / (decimal)BigInteger.Pow(10, places))), value =>
        Amount.FromDecimal(value).ToDecimal() == value && decimal.Parse(Amount.FromDecimal(value).ToString(), System.Globalization.CultureInfo.InvariantCulture) == value &&
        Amount.FromDecimal(value).Round(2).ToDecimal() == Math.Round(value, 2, MidpointRounding.ToEven));

    [Fact]
    public void An_amount_that_a_decimal_can_not_hold_is_an_error_and_not_rounded()
    {
        var amount = Amount.Of(Int128.Parse("123456789012345678901"), 1_234_567_891);

        Assert.Equal(BigInteger.Parse("123456789012345678901") * 1_234_567_891, BigInteger.Parse(amount.ToString().Replace(".", "")));
        Assert.Throws<Metering.Safety.InvariantException>(() => amount.ToDecimal());
        Assert.Throws<OverflowException>(() => Amount.Of(Int128.MaxValue / 2, 3));
    }

    [Theory]
    [InlineData("UTC")]
    [InlineData("Europe/Berlin")]
    [InlineData("America/New_York")]
    [InlineData("America/St_Johns")]
    [InlineData("Asia/Kolkata")]
    [InlineData("Asia/Kathmandu")]
    [InlineData("Australia/Lord_Howe")]
    [InlineData("Pacific/Chatham")]
    [InlineData("Pacific/Apia")]
    [InlineData("Africa/Casablanca")]
    public void No_bucket_is_charged_twice_or_never_and_no_charge_leaves_its_day_or_month(string zone)
    {
        var catalogue = Catalogue(zone, null, new PriceVersion { Currency = "EUR", Prices = [Tiered("graduated", (100, 1), (null, 2))] });
        var from = new DateTimeOffset(2026, 2, 20, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();
        var usage = Enumerable.Range(0, 80 * 96).Select(i => (from + i * 900L, 1L, MeterCatalogue.Cpu, 1L << (i % 20))).ToList();

        var rows = Book(catalogue, usage, grain: new LedgerGrain(900));

        Assert.Equal(usage.Sum(row => row.Item4), (long)rows.Aggregate((Int128)0, (sum, row) => sum + row.Base));
        var tzdb = TenantCalendar.Zone(zone);
        Assert.All(rows, row =>
        {
            var (start, end) = row.Period.Bounds(tzdb);
            Assert.True(start <= row.From && row.To <= end);
            Assert.True(TenantCalendar.StartOf(row.Day, tzdb) <= row.From && row.To <= TenantCalendar.StartOf(row.Day.PlusDays(1), tzdb));
        });
        foreach (var period in rows.GroupBy(row => row.Period))
        {
            var (start, end) = period.Key.Bounds(tzdb);
            var used = usage.Where(row => row.Item1 >= start && row.Item1 < end).Sum(row => row.Item4);
            Assert.Equal(Rounded((BigInteger)used * 1_000_000_000, CoreHour), (BigInteger)period.Aggregate((Int128)0, (sum, row) => sum + row.Nano));
        }
    }

    private static Gen<(Price Price, long[] Used)> Cases() => AnyPrice.SelectMany(price => Month.Select(used => (price, used)));

    private static IEnumerable<(long, long, Meter, long)> Usage(long[] used) => used.Select((quantity, hour) => (Start + hour / 3 * 7 * Hour, hour % 3L, MeterCatalogue.Cpu, quantity));

    private static void Check<T>(Gen<T> gen, Func<T, bool> holds) => Prop.ForAll(Arb.From(gen), holds).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    private static BigInteger Rounded(BigInteger value, BigInteger by)
    {
        var (quotient, rest) = (BigInteger.DivRem(value, by, out var left), left);
        return rest * 2 > by || (rest * 2 == by && !quotient.IsEven) ? quotient + 1 : quotient;
    }

    // Whole numbers of any length: what decimal would have to hold, in 10⁻¹⁹.
    private static BigInteger Product(decimal a, decimal b) => Amount.Mantissa(a) * Amount.Mantissa(b) * BigInteger.Pow(10, 19 - a.Scale - b.Scale);

    private static int Digits(Amount amount) => amount.ToString().Count(char.IsAsciiDigit);

    // The cost of a quantity in 10⁻⁹ units, in 10⁻¹⁹ of the currency.
    private static BigInteger Reference(Price price, BigInteger nano)
    {
        static BigInteger Scaled(decimal value, int places) => Amount.Mantissa(value) * BigInteger.Pow(10, places - value.Scale);
        if (price.Model == "package")
        {
            var block = Scaled(price.PackageSize!.Value, 9);
            return (nano + block - 1) / block * 1_000_000_000 * Scaled(price.Amount!.Value, 10);
        }

        if (price.Tiers is null) return nano * Scaled(price.Amount!.Value, 10);
        if (price.Model == "volume") return nano * Scaled(price.Tiers.First(tier => tier.UpTo is null || nano <= Scaled(tier.UpTo.Value, 9)).Price!.Value, 10);
        var (cost, from) = (BigInteger.Zero, BigInteger.Zero);
        foreach (var tier in price.Tiers)
        {
            var to = tier.UpTo is { } bound ? BigInteger.Min(nano, Scaled(bound, 9)) : nano;
            if (to > from) cost += (to - from) * Scaled(tier.Price!.Value, 10);
            from = BigInteger.Max(from, to);
        }

        return cost;
    }
}
