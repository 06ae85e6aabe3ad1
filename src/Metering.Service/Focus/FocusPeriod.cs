using System.Globalization;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;

namespace Metering.Service.Focus;

/// <summary>
/// One period in one view of the ledger: its charges and documents as they were issued, or as they would be now. Held in memory: tenants, documents, prices and workloads; of a closed period no charges.
/// </summary>
internal sealed class FocusPeriod
{
    private readonly Dictionary<string, FocusAccount> _accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Tenant, string Currency, string Origin, string Cause), FocusBill> _bills = [];
    private readonly Dictionary<(string Sku, string Book, int Version, int Tier, string Currency, long Price), FocusSku> _skus = [];
    private readonly IReadOnlyList<ChargeEntry>? _draft;

    private FocusPeriod(LedgerTransaction view, FocusRequest request, PriceCatalogue prices, IReadOnlyList<ChargeEntry>? draft, IEnumerable<InvoiceDocument> documents)
    {
        (View, Request, Prices, _draft) = (view, request, prices, draft);
        foreach (var document in documents.Where(one => request.Tenant is null || one.Tenant.Id == request.Tenant))
            _bills[(document.Tenant.Id, document.Currency, document.Origin, document.Cause)] = Bill(document.Tenant.Id, document.Currency, document.Origin, document.Cause, document);
    }

    public LedgerTransaction View { get; }

    public FocusRequest Request { get; }

    public PriceCatalogue Prices { get; }

    public required bool IsClosed { get; init; }

    /// <summary>When it was closed; an open period: now.</summary>
    public required DateTimeOffset Updated { get; init; }

    public required LedgerGrain Grain { get; init; }

    public required IReadOnlySet<string> Voided { get; init; }

    public string Id => Request.Period.ToString();

    public IEnumerable<FocusBill> Bills => _bills.OrderBy(pair => pair.Key).Select(pair => pair.Value);

    public IEnumerable<string> Tenants => Prices.Tenants.Keys.Where(tenant => Request.Tenant is null || tenant == Request.Tenant).Order(StringComparer.Ordinal);

    public static async Task<FocusPeriod> ReadAsync(LedgerTransaction view, FocusRequest request, LedgerOptions options, PeriodDrafter drafter, DateTimeOffset now, CancellationToken cancel)
    {
        var isClosed = (await InvoiceStore.ClosedAsync(view.Connection, cancel)).Contains(request.Period.ToString());
        var draft = isClosed ? null : (await drafter.DraftAsync(view, request.Period, cancel)).Of(request.Tenant);

        // The draft is the whole month's, cut to the tenant; from here on, in the same view, there is nobody else.
        await view.Store.EnterAsync(view.Connection, request.Caller, cancel);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);

        // What an open period has issued already, by voiding, is there beside what it would issue.
        var documents = await InvoiceStore.ReadAsync(view.Connection, request.Tenant, request.Period.ToString(), 0, int.MaxValue, cancel);
        if (draft is not null) documents.AddRange(draft.Documents.Select(document => document with { Id = "", Number = 0 }));
        return new FocusPeriod(view, request, prices, draft?.Charges, documents)
        {
            IsClosed = isClosed,
            Updated = isClosed ? await ClosedAtAsync(view, request.Period.ToString()) ?? now : now,
            Grain = await LedgerGrain.ReadAsync(view, options),
            Voided = await VoidedAsync(view, cancel),
        };
    }

    /// <summary>All charges in the order of their numbers, those of other tenants left out. Service credits are lines of their documents.</summary>
    public async IAsyncEnumerable<ChargeEntry> ChargesAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        foreach (var charge in (_draft ?? []).Where(Takes)) yield return charge;
        await foreach (var charge in ChargeStore.ReadAsync(View.Connection, "period = @value", Id, cancel))
        {
            if (Takes(charge)) yield return charge;
        }

        bool Takes(ChargeEntry charge) => (Request.Tenant is null || charge.Tenant == Request.Tenant) && charge.Kind != "serviceCredit";
    }

    /// <summary>Goes through all charges once, so that rows know what commitments cover and entries what is billed; not at all when nothing asks for it.</summary>
    /// <param name="also">Told of each charge; null: nobody else asks.</param>
    public async Task PlanAsync(Action<ChargeEntry>? also, CancellationToken cancel)
    {
        var commits = _bills.Values.Any(bill => bill.HasCommitment);
        if (commits || also is not null)
        {
            await foreach (var charge in ChargesAsync(cancel))
            {
                if (commits) BillOf(charge).Count(charge);
                also?.Invoke(charge);
            }
        }

        foreach (var bill in _bills.Values) bill.Plan();
    }

    public FocusBill BillOf(ChargeEntry charge) => BillOf(charge.Tenant, charge.Currency, charge.Origin, charge.Cause);

    public FocusBill BillOf(string tenant, string currency, string origin, string cause = "")
    {
        var key = (tenant, currency, origin, cause);
        if (!_bills.TryGetValue(key, out var bill)) _bills[key] = bill = Bill(tenant, currency, origin, cause, null);
        return bill;
    }

    public FocusSku SkuOf(ChargeEntry charge)
    {
        var key = (charge.Sku, charge.Book, charge.Version, charge.Tier, charge.Currency, charge.Price);
        if (_skus.TryGetValue(key, out var known)) return known;
        var line = Prices.Book(charge.Book).FirstOrDefault(one => one.Version == charge.Version)?.Lines.FirstOrDefault(one => one.Sku == charge.Sku);
        if (line is not null && charge.Tier >= line.Prices.Length) line = null;
        return _skus[key] = FocusSku.Of(charge.Sku, charge.Book, charge.Version, charge.Tier, charge.Unit, charge.Currency, charge.Price, charge.Kind == "allocation", line);
    }

    public FocusSku SkuOf(PriceLine line, int tier)
    {
        var key = (line.Sku, line.Book, line.Version, tier, line.Currency, line.Prices[tier]);
        return _skus.TryGetValue(key, out var known) ? known
            : _skus[key] = FocusSku.Of(line.Sku, line.Book, line.Version, tier, line.ChargeUnit, line.Currency, line.Prices[tier], line.Kind == ChargeKind.Allocation, line);
    }

    public FocusAccount AccountOf(string tenant)
    {
        if (_accounts.TryGetValue(tenant, out var known)) return known;
        return _accounts[tenant] = new FocusAccount(tenant, Prices.Tenants.GetValueOrDefault(tenant)?.Name ?? tenant, Prices.ZoneOf(tenant), Request.Period);
    }

    // A contract is in the tenant's currency and holds for its documents in that one.
    private FocusBill Bill(string tenant, string currency, string origin, string cause, InvoiceDocument? document)
    {
        var account = AccountOf(tenant);
        var contract = Prices.Tenants.TryGetValue(tenant, out var known) && known.Currency == currency ? Prices.ContractOf(tenant) : null;
        return new FocusBill(account, currency, origin, origin != Id || cause.Length > 0, document, contract);
    }

    internal static async Task<DateTimeOffset?> ClosedAtAsync(LedgerTransaction view, string period)
    {
        var at = await view.ScalarAsync(view.Command("SELECT MAX(at) FROM audit WHERE subject = @period AND action LIKE 'period.closed%'", ("@period", period)));
        return at is { } microseconds ? Units.UnixTime.FromMicroseconds(microseconds) : null;
    }

    private static async Task<HashSet<string>> VoidedAsync(LedgerTransaction view, CancellationToken cancel)
    {
        var voided = new HashSet<string>(StringComparer.Ordinal);
        await using var command = VerifyRun.Command(view.Connection, "SELECT number FROM voided");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) voided.Add(rows.GetInt64(0).ToString("D6", CultureInfo.InvariantCulture));
        return voided;
    }
}
