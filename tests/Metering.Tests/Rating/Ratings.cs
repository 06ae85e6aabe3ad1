using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Tests.Rating;

/// <summary>Short ways to prices, usage and charges. Tenant <c>t</c>, book <c>b</c>, one hour per row.</summary>
internal static class Ratings
{
    public const long Hour = 3600;
    public const long CoreHour = 3_600_000_000;
    public static readonly long Start = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();

    public static Price PerUnit(decimal price) => new() { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = price };

    public static Price Tiered(string model, params (decimal? UpTo, decimal Price)[] tiers) =>
        new() { Meter = "cpuSeconds", Unit = "Core-Hours", Model = model, Tiers = [.. tiers.Select(tier => new Tier(tier.UpTo, tier.Price))] };

    public static PriceCatalogue Catalogue(params Price[] prices) => Catalogue("UTC", null, new PriceVersion { Currency = "EUR", Prices = prices });

    public static PriceCatalogue Catalogue(string zone, Contract? contract, params PriceVersion[] versions) => new(
        [new Tenant { Id = "t", PriceBook = "b", TimeZone = zone }], versions.Select((version, i) => ("b", i + 1, version)), contract is null ? [] : [("t", contract)]);

    /// <summary>The charges of CPU microseconds by bucket, workload 1.</summary>
    public static List<Charge> Rate(PriceCatalogue catalogue, IEnumerable<(long Bucket, long Microseconds)> rows)
    {
        var rater = new Rater(catalogue);
        return [.. rows.SelectMany(row => Rate(rater, row.Bucket, row.Microseconds))];
    }

    public static List<Charge> Rate(Rater rater, long bucket, long? microseconds)
    {
        var values = new long[MeterCatalogue.All.Count];
        values[MeterCatalogue.Cpu.Index] = microseconds ?? 0;
        var charges = new List<Charge>();
        rater.For("t").Rate(bucket, Hour, 1, values, microseconds is null ? 0 : 1 << MeterCatalogue.Cpu.Index, charges);
        return charges;
    }

    public static Amount Sum(IEnumerable<Charge> charges) => charges.Aggregate(Amount.Zero, (sum, charge) => sum + charge.Cost);

    /// <summary>Charge rows of usage rows (bucket, workload, meter, quantity), given in any order.</summary>
    public static List<ChargeRow> Book(PriceCatalogue catalogue, IEnumerable<(long Bucket, long Workload, Meter Meter, long Quantity)> usage, (long From, long To)? range = null, Func<long, WorkloadTraits>? traits = null, LedgerGrain? grain = null)
    {
        var rows = new List<ChargeRow>();
        var book = new ChargeBook(new Rater(catalogue, traits), catalogue, rows.Add);
        foreach (var row in usage.GroupBy(one => (one.Bucket, one.Workload)).OrderBy(group => group.Key))
        {
            var values = new long[MeterCatalogue.All.Count];
            var known = 0;
            foreach (var (_, _, meter, quantity) in row)
            {
                values[meter.Index] += quantity;
                known |= 1 << meter.Index;
            }

            book.Add("t", row.Key.Bucket, (grain ?? Hour).LengthAt(row.Key.Bucket), row.Key.Workload, values, known);
        }

        book.Finish(range is { } given ? [("t", given.From, given.To)] : []);
        return rows;
    }
}
