using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Metering.Service.Rating;

/// <summary>Which prices hold for whom, and when. Immutable; loaded from the tenants, their contracts and the price books.</summary>
internal sealed class PriceCatalogue
{
    /// <summary>The prices of one version of a book, while they hold. Unix seconds, end exclusive.</summary>
    internal sealed record Validity(long From, long To, string Book, int Version, PriceLine[] Lines);

    private readonly Dictionary<string, Tenant> _tenants;
    private readonly Dictionary<string, DateTimeZone> _zones;
    private readonly Dictionary<string, Contract> _contracts;
    private readonly Dictionary<string, List<Validity>> _books = new(StringComparer.Ordinal);

    public PriceCatalogue(IEnumerable<Tenant> tenants, IEnumerable<(string Book, int Number, PriceVersion Version)> versions, IEnumerable<(string Tenant, Contract Contract)>? contracts = null)
    {
        _tenants = tenants.ToDictionary(tenant => tenant.Id, StringComparer.Ordinal);
        _zones = _tenants.ToDictionary(pair => pair.Key, pair => TenantCalendar.Zone(pair.Value.TimeZone), StringComparer.Ordinal);
        _contracts = (contracts ?? []).ToDictionary(pair => pair.Tenant, pair => pair.Contract, StringComparer.Ordinal);
        foreach (var (book, number, version) in versions)
        {
            if (!_books.TryGetValue(book, out var list)) _books[book] = list = [];
            list.Add(new Validity(version.FromSeconds, version.ToSeconds, book, number, [.. version.Prices.Select(price => PriceLine.From(price, book, number, version.Currency))]));
        }

        foreach (var list in _books.Values) list.Sort((a, b) => a.From.CompareTo(b.From));
        AsksTraits = _books.Values.Any(list => list.Any(validity => validity.Lines.Any(line => line.Selector is not null)));
    }

    public IReadOnlyDictionary<string, Tenant> Tenants => _tenants;

    /// <summary>True when a price is for some workloads only, so that rating must know them.</summary>
    public bool AsksTraits { get; }

    /// <summary>Every meter that some price counts.</summary>
    public IEnumerable<Meters.Meter> Meters => _books.Values.SelectMany(versions => versions).SelectMany(validity => validity.Lines).SelectMany(line => new[] { line.Meter, line.Reserved }).OfType<Meters.Meter>().Distinct();

    public static async Task<PriceCatalogue> LoadAsync(MeteringContext context, CancellationToken cancel)
    {
        var tenants = await context.Set<Tenant>().AsNoTracking().ToListAsync(cancel);
        var stored = await context.Set<StoredPriceVersion>().AsNoTracking().ToListAsync(cancel);
        var contracts = await context.Set<StoredContract>().AsNoTracking().ToListAsync(cancel);
        return new PriceCatalogue(tenants, stored.Select(row => (row.Book, row.Version, row.Read())), contracts.Select(row => (row.Tenant, row.Read())));
    }

    public Contract? ContractOf(string tenant) => _contracts.GetValueOrDefault(tenant);

    /// <summary>The prices that hold for a tenant at an instant, and until when they surely do; null: its usage is not priced until then, or it pays its share of the hosts instead.</summary>
    public (Validity? Prices, long Until) At(string tenant, long seconds)
    {
        if (!_tenants.TryGetValue(tenant, out var found)) return (null, long.MaxValue);
        var (book, until) = (found.PriceBook, long.MaxValue);
        foreach (var terms in _contracts.GetValueOrDefault(tenant)?.Terms ?? [])
        {
            if (terms.FromSeconds > seconds) until = Math.Min(until, terms.FromSeconds);
            if (seconds < terms.FromSeconds || seconds >= terms.ToSeconds) continue;
            until = Math.Min(until, terms.ToSeconds);
            if (terms.Model == "allocation") return (null, until);
            book = terms.PriceBook ?? book;
        }

        if (!_books.TryGetValue(book, out var versions)) return (null, until);
        foreach (var validity in versions)
        {
            if (validity.From > seconds) return (null, Math.Min(until, validity.From));
            if (seconds < validity.To) return (validity, Math.Min(until, validity.To));
        }

        return (null, until);
    }

    /// <summary>The contract's terms that hold at an instant; null: none.</summary>
    public ContractTerms? TermsAt(string tenant, long seconds)
    {
        foreach (var terms in _contracts.GetValueOrDefault(tenant)?.Terms ?? [])
        {
            if (seconds >= terms.FromSeconds && seconds < terms.ToSeconds) return terms;
        }

        return null;
    }

    /// <summary>Every book that prices a tenant at some time.</summary>
    public IEnumerable<string> BooksOf(string tenant) =>
        (_contracts.GetValueOrDefault(tenant)?.Terms ?? []).Select(terms => terms.PriceBook).Append(_tenants.GetValueOrDefault(tenant)?.PriceBook).OfType<string>().Where(book => book.Length > 0).Distinct(StringComparer.Ordinal);

    /// <summary>The versions of a book in order of time.</summary>
    public IReadOnlyList<Validity> Book(string book) => _books.TryGetValue(book, out var versions) ? versions : [];

    public DateTimeZone ZoneOf(string tenant) => _zones.TryGetValue(tenant, out var zone) ? zone : DateTimeZone.Utc;
}
