using System.Security.Claims;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;

namespace Metering.Service.Billing;

/// <summary>
/// Takes invoices back, and issues them anew. Nothing issued changes: a note of the open period reverses the invoice with the notes on it, and its charges; what is issued anew is rated and numbered
/// as if it were issued now. Both are one transaction after a draft from a view, and both are done once: asked again, they tell what was done.
/// </summary>
internal sealed class InvoiceVoiding(LedgerStore store, LedgerOptions options, InvoiceOptions invoices, TimeProvider clock)
{
    private const int MaxAttempts = 10;

    private sealed record Issue(InvoiceDocument Document, IReadOnlyList<ChargeEntry> Charges, string Previous, long? Revision);

    /// <summary>Called at named moments; tests crash there.</summary>
    internal Action<string>? FaultPoint { get; set; }

    internal int? PieceRows { get; init; }

    /// <summary>What has become of the invoice; null: there is none. Throws <see cref="RuleBrokenException"/> when it is no invoice.</summary>
    public async Task<InvoiceState?> VoidAsync(string id, string reason, ClaimsPrincipal who, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var connection = await store.OpenReadAsync(cancel);
            if (await InvoiceStore.FindAsync(connection, id, null, cancel) is not { Document: var invoice }) return null;
            if (invoice.Kind != "invoice") throw new RuleBrokenException([new Fault("", $"{invoice.Id} is a note; what can be voided is the invoice that it corrects{(invoice.Corrects is { } corrected ? ", " + corrected : "")}.")]);
            var state = (await InvoiceStore.StatesAsync(connection, invoice.Tenant.Id, cancel))[invoice.Number];
            if (state.State == "voided") return state;
            var issue = await ReversalAsync(connection, invoice, cancel);
            await TryIssueAsync(issue, attempt, async transaction =>
            {
                await InvoiceStore.VoidAsync(transaction, invoice.Number, issue.Document.Number, reason, clock.GetUtcNow(), who.Identity?.Name ?? "local");
                await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), who, "invoice.voided", invoice.Id, null, AuditTrail.Text(new { reason, note = issue.Document.Id }));
            }, cancel);
        }
    }

    /// <summary>The invoice in place of a voided one; null: there is none with this number. Throws <see cref="RuleBrokenException"/> when it is not voided, or there is nothing to bill.</summary>
    public async Task<InvoiceDocument?> ReissueAsync(string id, ClaimsPrincipal who, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var connection = await store.OpenReadAsync(cancel);
            if (await InvoiceStore.FindAsync(connection, id, null, cancel) is not { Document: var invoice }) return null;
            var state = (await InvoiceStore.StatesAsync(connection, invoice.Tenant.Id, cancel))[invoice.Number];
            if (state.ReplacedBy is { } done) return (await InvoiceStore.FindAsync(connection, done, null, cancel))!.Value.Document;
            if (state.State != "voided") throw new RuleBrokenException([new Fault("", $"{invoice.Id} is {state.State}, not voided; void it first, with a reason.")]);
            var issue = await AnewAsync(connection, invoice, cancel);
            await TryIssueAsync(issue, attempt, transaction => AuditTrail.AddAsync(transaction, clock.GetUtcNow(), who, "invoice.reissued", invoice.Id, null, AuditTrail.Text(new { invoice = issue.Document.Id })), cancel);
        }
    }

    private async Task TryIssueAsync(Issue issue, int attempt, Func<LedgerTransaction, Task> also, CancellationToken cancel)
    {
        if (attempt > MaxAttempts) throw new LedgerUnavailableException($"Other invoices were issued, or prices changed, {MaxAttempts} times meanwhile; try again.");
        FaultPoint?.Invoke("drafted");
        await store.Issuing.WaitAsync(cancel);
        try
        {
            if (!await store.WriteAsync(transaction => HoldsAsync(transaction, issue), cancel)) return;
            await ChargeStage.WriteAsync(store, issue.Charges, PieceRows, FaultPoint, null, cancel);
            await store.WriteAsync(async transaction =>
            {
                await InvoiceStore.LockAsync(transaction);
                if (!await HoldsAsync(transaction, issue)) return;
                await ChargeStage.FinishAsync(transaction, issue.Charges);
                FaultPoint?.Invoke("charges stored");
                var json = issue.Document.Json();
                await InvoiceStore.InsertAsync(transaction, issue.Document, json, PeriodManifest.Hash(json));
                FaultPoint?.Invoke("note stored");
                await also(transaction);
                FaultPoint?.Invoke("before commit");
            }, cancel);
        }
        catch (LedgerConflictException) when (attempt < MaxAttempts)
        {
            // Somebody else issued first; what is left to do is looked at anew.
        }
        catch (LedgerUnavailableException)
        {
            await ChargeStage.ClearQuietlyAsync(store);
            throw;
        }
        finally
        {
            store.Issuing.Release();
        }

        FaultPoint?.Invoke("after commit");
    }

    // Its state was looked at before its number was: another one may have come between.
    private static async Task<bool> HoldsAsync(LedgerTransaction transaction, Issue issue)
    {
        var last = (await InvoiceStore.PeriodsAsync(transaction.Connection, CancellationToken.None))[^1];
        if (last.Hash != issue.Previous || await InvoiceStore.NextNumberAsync(transaction) != issue.Document.Number) return false;
        if (issue.Revision is { } revision && await LedgerSnapshot.RevisionAsync(transaction) != revision) return false;
        return await transaction.ScalarAsync(transaction.Command("SELECT COUNT(*) FROM invoice WHERE cause = @cause", ("@cause", issue.Document.Cause))) == 0;
    }

    private async Task<Issue> ReversalAsync(System.Data.Common.DbConnection connection, InvoiceDocument invoice, CancellationToken cancel)
    {
        var (period, previous, number, first) = await OpenAsync(connection, null, cancel);
        var issued = (await InvoiceStore.ReadAsync(connection, invoice.Tenant.Id, null, 0, int.MaxValue, cancel)).FindAll(one => one.Origin == invoice.Origin && one.Currency == invoice.Currency);
        var note = InvoiceMaker.Void(period, invoice, issued, clock.GetUtcNow()).Numbered(number);
        var origin = BillingPeriod.Parse(invoice.Origin);
        var sums = await ChargeSums.ReadAsync(connection, origin, cancel);
        var charges = sums.Gone().Where(one => one.Tenant == invoice.Tenant.Id && one.Currency == invoice.Currency);
        return new Issue(note, Numbered(charges, period, note.Cause, first), previous, null);
    }

    private async Task<Issue> AnewAsync(System.Data.Common.DbConnection connection, InvoiceDocument invoice, CancellationToken cancel)
    {
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var (period, previous, number, first) = await OpenAsync(connection, snapshot, cancel);
        var revision = await LedgerSnapshot.RevisionAsync(view);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        if (!prices.Tenants.TryGetValue(invoice.Tenant.Id, out var tenant)) throw new RuleBrokenException([new Fault("", $"There is no tenant '{invoice.Tenant.Id}' any more.")]);
        var origin = BillingPeriod.Parse(invoice.Origin);
        var rated = await RatedPeriod.ReadAsync(view, origin, prices, options, cancel);
        var drawn = PeriodDrafter.Drawn(await InvoiceStore.ReadAsync(connection, tenant.Id, null, 0, int.MaxValue, cancel), tenant.Id);
        var contract = prices.ContractOf(tenant.Id);
        var statement = StatementMaker.Make(tenant, origin, rated.Rows.FindAll(row => row.Tenant == tenant.Id), contract, drawn).FirstOrDefault(one => one.Currency == invoice.Currency);
        if (statement is null || InvoiceMaker.Invoice(tenant, statement) is not { } document) throw new RuleBrokenException([new Fault("", $"There is nothing to bill to {tenant.Id} for {origin} in {invoice.Currency}.")]);
        decimal? share = rated.EstimatedShares.TryGetValue(tenant.Id, out var known) ? known : null;
        document = InvoiceMaker.Complete(document with { Period = period.ToString(), Replaces = invoice.Id, IssuedOn = InvoiceMaker.DayOf(clock.GetUtcNow(), tenant.TimeZone) }, contract, invoices, share).Numbered(number);
        var charges = rated.Charges.Where(charge => charge.Tenant == tenant.Id && charge.Currency == invoice.Currency);
        return new Issue(document, Numbered(charges, period, document.Cause, first), previous, revision);
    }

    // The open period, and the first numbers of a document and of a charge in it. There is a closed one: it has issued the invoice.
    private static async Task<(BillingPeriod Period, string Previous, long Number, long Charge)> OpenAsync(System.Data.Common.DbConnection connection, System.Data.Common.DbTransaction? snapshot, CancellationToken cancel)
    {
        var last = (await InvoiceStore.PeriodsAsync(connection, cancel))[^1];
        var open = BillingPeriod.Parse(last.Id).Next;
        await using var command = VerifyRun.Command(connection, "SELECT (SELECT COALESCE(MAX(number), 0) FROM invoice), (SELECT COALESCE(MAX(n), 0) FROM charge WHERE period = @period AND " + ChargeStore.Issued + ")", ("@period", open.ToString()));
        command.Transaction = snapshot;
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return (open, last.Hash, row.GetInt64(0) + 1, row.GetInt64(1) + 1);
    }

    private static ChargeList Numbered(IEnumerable<ChargeEntry> charges, BillingPeriod period, string cause, long first)
    {
        var numbered = new ChargeList();
        foreach (var charge in charges) numbered.AddFor(charge, period.ToString(), cause);
        numbered.SortAndNumber(first);
        return numbered;
    }
}
