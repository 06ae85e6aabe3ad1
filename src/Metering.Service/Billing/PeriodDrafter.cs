using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Allocation;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Billing;

/// <summary>Makes what a period would issue, from one view of the ledger: its charges, its invoices, and what late usage changes in the periods that are closed. Reads only.</summary>
internal sealed class PeriodDrafter(LedgerStore store, LedgerOptions options, InvoiceOptions? invoices = null)
{
    private static readonly Contract NoContract = new();
    private static readonly InvoiceOptions NoInvoices = new();

    /// <param name="prove">True to hold the usage against the batches on the way: <see cref="RatedPeriod.Unproved"/>.</param>
    public async Task<PeriodDraft> DraftAsync(BillingPeriod period, CancellationToken cancel, bool prove = false, IProgress<ClosingProgress.Step>? progress = null)
    {
        // The numbers, what is corrected and what hosts cost are the whole month's, whoever asks; see PeriodDraft.Of.
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        return await DraftAsync(view, period, cancel, prove, progress);
    }

    /// <summary>What it would issue, without the charges: from the sums of the roll-up, where reading each row of a month takes seconds for each million.</summary>
    public async Task<PeriodDocuments> DocumentsAsync(BillingPeriod period, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var draft = await DraftAsync(view, period, prove: false, charges: false, null, cancel);
        return new PeriodDocuments(draft.Rated.Start, draft.Rated.End, [.. draft.Corrected.Keys], draft.IssuedBefore, draft.Documents);
    }

    /// <summary>The same in a view that others read as well. Throws <see cref="RuleBrokenException"/> when an amount passes what can be kept exactly.</summary>
    public Task<PeriodDraft> DraftAsync(LedgerTransaction view, BillingPeriod period, CancellationToken cancel, bool prove = false, IProgress<ClosingProgress.Step>? progress = null) =>
        DraftAsync(view, period, prove, charges: true, progress, cancel);

    private async Task<PeriodDraft> DraftAsync(LedgerTransaction view, BillingPeriod period, bool prove, bool charges, IProgress<ClosingProgress.Step>? progress, CancellationToken cancel)
    {
        try
        {
            return await MakeAsync(view, period, prove, charges, progress, cancel);
        }
        catch (OverflowException)
        {
            throw new RuleBrokenException([new Fault("", $"What is rated for {period} costs more than 17,000,000,000,000,000,000 of a currency; see whose price is out of proportion with 'metering prices list' and 'metering usage --from {period} --group-by tenant'.")]);
        }
    }

    private async Task<PeriodDraft> MakeAsync(LedgerTransaction view, BillingPeriod period, bool prove, bool withCharges, IProgress<ClosingProgress.Step>? progress, CancellationToken cancel)
    {
        var connection = view.Connection;
        var revision = await LedgerSnapshot.RevisionAsync(view);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        var closed = (await InvoiceStore.PeriodsAsync(connection, cancel)).FindAll(one => string.CompareOrdinal(one.Id, period.ToString()) < 0);
        var issued = await InvoiceStore.ReadAsync(connection, null, null, 0, int.MaxValue, cancel);
        var rated = await RateAsync(period, "rating", prove);
        var charges = rated.Charges;
        var documents = Invoices(rated, prices, issued);
        var unbilled = InvoiceStore.Unbilled(issued);

        var late = await LateUsage.ReadAsync(view, cancel);
        var corrected = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var origin in Origins(period, closed, late, prices))
        {
            var (start, end) = RatedPeriod.Bounds(origin, prices);
            var configuration = await ConfigurationAsync(view, start, end, cancel);
            if (!late.Any(mark => mark.Bucket >= start && mark.Bucket < end) && configuration == ClosedPeriod.RatedBy(closed, origin.ToString())) continue;
            corrected[origin.ToString()] = configuration;
            var anew = await RateAsync(origin, $"correcting {origin}", prove: false);
            if (withCharges) await DifferenceAsync(view, period, anew, unbilled, charges, cancel);
            documents.AddRange(Notes(period, anew, prices, issued).Where(note => !unbilled.Contains((note.Origin, note.Tenant.Id, note.Currency))));
        }

        var before = new List<ChargeEntry>();
        if (withCharges)
        {
            await foreach (var charge in ChargeStore.ReadAsync(connection, "period = @value", period.ToString(), cancel)) before.Add(charge);
            charges.SortAndNumber(before.Count + 1);
        }

        var first = (issued.Count == 0 ? 0 : issued[^1].Number) + 1;
        documents = [.. documents.OrderBy(one => one.Tenant.Id, StringComparer.Ordinal).ThenBy(one => one.Currency, StringComparer.Ordinal).ThenByDescending(one => one.Origin, StringComparer.Ordinal)];
        for (var i = 0; i < documents.Count; i++)
        {
            var one = documents[i];
            documents[i] = InvoiceMaker.Complete(one, prices.ContractOf(one.Tenant.Id), invoices ?? NoInvoices, one.Kind == "invoice" && rated.EstimatedShares.TryGetValue(one.Tenant.Id, out var share) ? share : null).Numbered(first + i);
        }

        // A mark beyond the period stays for the closing of the one it lies in; one within it is part of what is rated here.
        var ends = rated.End;
        return new PeriodDraft(rated, charges, documents, late.FindAll(mark => mark.Bucket < ends), corrected, revision, first, closed.Count == 0 ? "" : closed[^1].Hash, await ConfigurationAsync(view, rated.Start, rated.End, cancel))
        {
            ChargedBefore = before,
            IssuedBefore = issued.FindAll(one => one.Period == period.ToString()),
        };

        async Task<RatedPeriod> RateAsync(BillingPeriod month, string stage, bool prove) =>
            (withCharges ? null : await PeriodSums.ReadAsync(view, month, prices, options, cancel)) ?? await RatedPeriod.ReadAsync(view, month, prices, options, cancel, prove, Stage(stage));

        Action<long, long>? Stage(string name) => progress is null ? null : (done, total) => progress.Report(new ClosingProgress.Step(name, done, total));
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
            documents.AddRange(StatementMaker.Make(tenant, rated.Period, [.. rows[tenant.Id]], prices.ContractOf(tenant.Id), Drawn(issued, tenant.Id)).Select(statement => InvoiceMaker.Invoice(tenant, statement)).OfType<InvoiceDocument>());
        }

        return documents;
    }

    /// <summary>What a tenant's documents have drawn from its balances; what was voided has given it back.</summary>
    internal static Dictionary<string, Amount> Drawn(IEnumerable<InvoiceDocument> issued, string tenant) => issued.Where(one => one.Tenant.Id == tenant).SelectMany(one => one.Drawn)
        .GroupBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary(group => group.Key, group => Amount.FromDecimal(group.Sum(pair => pair.Value)), StringComparer.Ordinal);

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

    private static async Task DifferenceAsync(LedgerTransaction view, BillingPeriod period, RatedPeriod anew, HashSet<(string, string, string)> unbilled, ChargeList charges, CancellationToken cancel)
    {
        var stored = await ChargeSums.ReadAsync(view.Connection, anew.Period, cancel);
        foreach (var charge in anew.Charges.Drain())
        {
            if (unbilled.Contains((anew.Period.ToString(), charge.Tenant, charge.Currency))) continue;
            if (stored.Take(charge) is { } difference) charges.AddFor(difference, period.ToString(), "");
        }

        foreach (var gone in stored.Gone()) charges.AddFor(gone, period.ToString(), "");
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
            .Concat(contracts.Select(contract => $"contract {contract.Tenant} {contract.Json}").Order(StringComparer.Ordinal)).Append("rules " + rules?.Json)
            .Concat((await AllocationBook.LoadAsync(view.Context, cancel)).Within(start, end).Select(version => "allocation " + JsonSerializer.Serialize(version, LedgerJson.Options)));
        return PeriodManifest.Hash(string.Join('\n', lines));
    }
}
