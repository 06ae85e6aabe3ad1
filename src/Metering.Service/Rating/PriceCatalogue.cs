using System.Text.Json;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Metering.Service.Rating;

/// <summary>Which prices hold for whom, and when. Immutable; loaded from the tenants and price books.</summary>
internal sealed class PriceCatalogue
{
    private readonly Dictionary<string, Tenant> _tenants;
    private readonly Dictionary<string, List<(long From, long To, PriceLine[] Lines)>> _books = new(StringComparer.Ordinal);

    public PriceCatalogue(IEnumerable<Tenant> tenants, IEnumerable<(string Book, int Number, PriceVersion Version)> versions)
    {
        _tenants = tenants.ToDictionary(tenant => tenant.Id, StringComparer.Ordinal);
        foreach (var (book, number, version) in versions)
        {
            if (!_books.TryGetValue(book, out var list)) _books[book] = list = [];
            list.Add((version.FromSeconds, version.ToSeconds, [.. version.Prices.Select(price => Line(price, book, number, version.Currency))]));
        }
    }

    public IReadOnlyDictionary<string, Tenant> Tenants => _tenants;

    public static async Task<PriceCatalogue> LoadAsync(MeteringContext context, CancellationToken cancel)
    {
        var tenants = await context.Set<Tenant>().AsNoTracking().ToListAsync(cancel);
        var stored = await context.Set<StoredPriceVersion>().AsNoTracking().ToListAsync(cancel);
        return new PriceCatalogue(tenants, stored.Select(row => (row.Book, row.Version, JsonSerializer.Deserialize<PriceVersion>(row.Json, LedgerJson.Options)!)));
    }

    /// <summary>The prices of a tenant in a bucket; empty: its usage is not priced.</summary>
    public PriceLine[] For(string tenant, long bucketSeconds)
    {
        if (!_tenants.TryGetValue(tenant, out var found) || !_books.TryGetValue(found.PriceBook, out var versions)) return [];
        foreach (var (from, to, lines) in versions)
        {
            if (bucketSeconds >= from && bucketSeconds < to) return lines;
        }

        return [];
    }

    public DateTimeZone ZoneOf(string tenant) =>
        _tenants.TryGetValue(tenant, out var found) ? DateTimeZoneProviders.Tzdb.GetZoneOrNull(found.TimeZone) ?? DateTimeZone.Utc : DateTimeZone.Utc;

    /// <summary>Start of the tenant's billing month that holds the instant, Unix seconds.</summary>
    public long PeriodStart(string tenant, long atSeconds)
    {
        var zone = ZoneOf(tenant);
        var date = Instant.FromUnixTimeSeconds(atSeconds).InZone(zone).Date;
        return new LocalDate(date.Year, date.Month, 1).AtStartOfDayInZone(zone).ToInstant().ToUnixTimeSeconds();
    }

    private static PriceLine Line(Price price, string book, int number, string currency)
    {
        MeterCatalogue.TryFind(price.Meter, out var meter);
        var unit = PricingUnit.For(meter).First(known => known.Name == price.Unit);
        return new PriceLine(meter.Name + " in " + unit.Name, meter, unit.BaseUnits, price.PerUnit, currency, book, number);
    }
}
