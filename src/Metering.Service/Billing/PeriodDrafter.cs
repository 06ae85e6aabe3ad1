using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Billing;

/// <summary>Makes what a period would issue, from one view of the ledger: its charges, its invoices, and what late usage changes in the periods that are closed. Reads only.</summary>
internal sealed class PeriodDrafter(LedgerStore store, LedgerOptions options)
{
    private static readonly Contract NoContract = new();

    public async Task<PeriodDraft> DraftAsync(BillingPeriod period, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        return await DraftAsync(view, period, cancel);
    }

    /// <summary>The same in a view that others read as well.</summary>
    public async Task<PeriodDraft> DraftAsync(LedgerTransaction view, BillingPeriod period, CancellationToken cancel)
    {
        var connection = view.Connection;
        var revision = await LedgerSnapshot.RevisionAsync(view);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        var closed = (await InvoiceStore.PeriodsAsync(connection, cancel)).FindAll(one => string.CompareOrdinal(one.Id, period.ToString()) < 0);
        var issued = await InvoiceStore.ReadAsync(connection, null, null, 0, int.MaxValue, cancel);
        var rated = await RatedPeriod.ReadAsync(view, period, prices, options, cancel);
        var charges = rated.Rows.ConvertAll(ChargeEntry.Of);
        var documents = Invoices(rated, prices, issued);

        var late = await LateUsage.ReadAsync(view, cancel);
        var corrected = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var origin in Origins(period, closed, late, prices))
        {
            var (start, end) = RatedPeriod.Bounds(origin, prices);
            var configuration = await ConfigurationAsync(view, start, end, cancel);
            if (!late.Any(mark => mark.Bucket >= start && mark.Bucket < end) && configuration == ClosedPeriod.RatedBy(closed, origin.ToString())) continue;
            corrected[origin.ToString()] = configuration;
            var anew = await RatedPeriod.ReadAsync(view, origin, prices, options, cancel);
            charges.AddRange(await DifferenceAsync(view, period, anew, cancel));
            documents.AddRange(Notes(period, anew, prices, issued));
        }

        charges.Sort(Compare);
        for (var i = 0; i < charges.Count; i++) charges[i] = charges[i] with { N = i + 1 };
        var first = (issued.Count == 0 ? 0 : issued[^1].Number) + 1;
        documents = [.. documents.OrderBy(one => one.Tenant.Id, StringComparer.Ordinal).ThenBy(one => one.Currency, StringComparer.Ordinal).ThenByDescending(one => one.Origin, StringComparer.Ordinal)];
        for (var i = 0; i < documents.Count; i++) documents[i] = documents[i].Numbered(first + i);

        // A mark beyond the period stays for the closing of the one it lies in; one within it is part of what is rated here.
        var ends = rated.End;
        return new PeriodDraft(rated, charges, documents, late.FindAll(mark => mark.Bucket < ends), corrected, revision, first, closed.Count == 0 ? "" : closed[^1].Hash, await ConfigurationAsync(view, rated.Start, rated.End, cancel));
    }

    // The closed ones, and those before the first closing that late usage lies in: nothing was issued for them, so all of it is the difference.
    private static SortedSet<BillingPeriod> Origins(BillingPeriod period, List<ClosedPeriod> closed, List<(long Bucket, long Arrivals)> late, PriceCatalogue prices)
    {
        var origins = new SortedSet<BillingPeriod>();
        foreach (var one in closed)
        {
            if (BillingPeriod.TryParse(one.Id, out var origin)) origins.Add(origin);
        }

        foreach (var zone in prices.Tenants.Keys.Select(prices.ZoneOf).Distinct()) origins.UnionWith(late.Select(mark => TenantCalendar.PeriodOf(mark.Bucket, zone).Period).Where(origin => origin < period));
        return origins;
    }

    private static List<InvoiceDocument> Invoices(RatedPeriod rated, PriceCatalogue prices, List<InvoiceDocument> issued)
    {
        var documents = new List<InvoiceDocument>();
        var rows = rated.Rows.ToLookup(row => row.Tenant, StringComparer.Ordinal);
        foreach (var tenant in prices.Tenants.Values.OrderBy(tenant => tenant.Id, StringComparer.Ordinal))
        {
            var drawn = issued.Where(one => one.Tenant.Id == tenant.Id && one.Period != rated.Period.ToString()).SelectMany(one => one.Drawn).GroupBy(pair => pair.Key, StringComparer.Ordinal)
                .ToDictionary(group => group.Key, group => Amount.FromDecimal(group.Sum(pair => pair.Value)), StringComparer.Ordinal);
            documents.AddRange(StatementMaker.Make(tenant, rated.Period, [.. rows[tenant.Id]], prices.ContractOf(tenant.Id), drawn).Select(statement => InvoiceMaker.Invoice(tenant, statement)).OfType<InvoiceDocument>());
        }

        return documents;
    }

    private static IEnumerable<InvoiceDocument> Notes(BillingPeriod period, RatedPeriod anew, PriceCatalogue prices, List<InvoiceDocument> issued)
    {
        var rows = anew.Rows.ToLookup(row => row.Tenant, StringComparer.Ordinal);
        foreach (var tenant in prices.Tenants.Values.OrderBy(tenant => tenant.Id, StringComparer.Ordinal))
        {
            var contract = (prices.ContractOf(tenant.Id) ?? NoContract) with { Credits = [], Prepaid = [] };
            var before = issued.FindAll(one => one.Tenant.Id == tenant.Id && one.Origin == anew.Period.ToString());
            var statements = StatementMaker.Make(tenant, anew.Period, [.. rows[tenant.Id]], contract).ToDictionary(one => one.Currency, StringComparer.Ordinal);
            foreach (var currency in before.Select(one => one.Currency).Concat(statements.Keys).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            {
                var statement = statements.GetValueOrDefault(currency) ?? new Statement(tenant.Id, anew.Period, currency, [], Amount.Zero, Amount.Zero, new Dictionary<string, Amount>());
                if (InvoiceMaker.Note(period, tenant, statement, before.FindAll(one => one.Currency == currency)) is { } note) yield return note;
            }
        }
    }

    private static async Task<List<ChargeEntry>> DifferenceAsync(LedgerTransaction view, BillingPeriod period, RatedPeriod anew, CancellationToken cancel)
    {
        var stored = await ChargeSums.ReadAsync(view.Connection, anew.Period, cancel);
        var differences = new List<ChargeEntry>();
        foreach (var row in anew.Rows)
        {
            if (stored.Take(ChargeEntry.Of(row)) is { } difference) differences.Add(difference with { Period = period.ToString() });
        }

        differences.AddRange(stored.Gone().Select(gone => gone with { Period = period.ToString() }));
        return differences;
    }

    /// <summary>Hash of all that rating depends on beside usage: tenants, price versions that hold in the time, contracts, rules.</summary>
    internal static async Task<string> ConfigurationAsync(LedgerTransaction view, long start, long end, CancellationToken cancel)
    {
        var tenants = await view.Context.Set<Tenant>().AsNoTracking().OrderBy(tenant => tenant.Id).ToListAsync(cancel);
        var versions = (await view.Context.Set<StoredPriceVersion>().AsNoTracking().ToListAsync(cancel)).Select(stored => (stored, Version: stored.Read())).Where(one => one.Version.FromSeconds < end && one.Version.ToSeconds > start);
        var contracts = await view.Context.Set<StoredContract>().AsNoTracking().OrderBy(contract => contract.Tenant).ToListAsync(cancel);
        var rules = await view.Context.Set<StoredRules>().AsNoTracking().FirstOrDefaultAsync(cancel);
        var lines = tenants.Select(tenant => $"tenant {tenant.Id} {tenant.TimeZone} {tenant.Currency} {tenant.PriceBook}").Order(StringComparer.Ordinal)
            .Concat(versions.Select(one => $"price {one.stored.Book}/{one.stored.Version} {one.stored.Json}").Order(StringComparer.Ordinal))
            .Concat(contracts.Select(contract => $"contract {contract.Tenant} {contract.Json}").Order(StringComparer.Ordinal)).Append("rules " + rules?.Json);
        return PeriodManifest.Hash(string.Join('\n', lines));
    }

    private static int Compare(ChargeEntry a, ChargeEntry b)
    {
        var order = string.CompareOrdinal(a.Tenant, b.Tenant);
        if (order == 0) order = string.CompareOrdinal(a.Origin, b.Origin);
        if (order == 0) order = string.CompareOrdinal(a.Day, b.Day);
        if (order == 0) order = a.Workload.CompareTo(b.Workload);
        if (order == 0) order = string.CompareOrdinal(a.Sku, b.Sku);
        if (order == 0) order = string.CompareOrdinal(a.Book, b.Book);
        if (order == 0) order = a.Version.CompareTo(b.Version);
        if (order == 0) order = a.Tier.CompareTo(b.Tier);
        if (order == 0) order = a.From.CompareTo(b.From);
        return order == 0 ? string.CompareOrdinal(a.Canonical, b.Canonical) : order;
    }
}
