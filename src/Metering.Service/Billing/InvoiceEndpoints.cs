using System.Globalization;
using System.Security.Claims;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Reports;
using Metering.Service.Spreadsheets;
using Metering.Service.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Billing;

/// <summary><c>/v1/invoices</c>.</summary>
internal static class InvoiceEndpoints
{
    private const int MaxLimit = 10_000;
    private const int MaxReason = 500;
    private static readonly string[] ListHeader = ["id", "kind", "state", "period", "origin", "corrects", "tenant", "currency", "net", "tax", "total", "issuedOn", "dueOn", "voidedBy", "replacedBy"];
    private static readonly string[] LineHeader = ["invoice", "kind", "text", "book", "version", "tier", "quantity", "unit", "unitPrice", "cost", "taxRate", "taxBase", "amount", "effective", "currency"];

    internal sealed record VoidRequest(string? Reason);

    /// <summary>An invoice or a note in the list.</summary>
    /// <param name="State"><c>issued</c>, <c>corrected</c> or <c>voided</c>; or <c>draft</c>, whose id is no number.</param>
    /// <param name="ReplacedBy">The invoice that was issued in place of a voided one.</param>
    internal sealed record Entry(string Id, string Kind, string State, string Period, string Origin, string? Corrects, string Tenant, string Currency, decimal Net, decimal Tax, decimal Total, string IssuedOn, string? DueOn, string? VoidedBy, string? ReplacedBy);

    internal sealed record Page(IReadOnlyList<Entry> Invoices, string? NextCursor);

    public static void MapInvoices(this IEndpointRouteBuilder routes)
    {
        var invoices = routes.MapGroup("/v1/invoices").WithTags("Billing").RequireAuthorization(Roles.MayRead);
        invoices.MapGet("/", List).WithSummary("Invoices, credit notes and debit notes in the order of their numbers; with state=draft, what open months would issue now").Produces<Page>(200, "application/json", "text/csv").ProducesProblem(400);
        invoices.MapGet("/{id}", Show).WithSummary("One document: JSON byte for byte as it was hashed, its lines as CSV, a workbook, or a page to print; by format or Accept")
            .Produces<InvoiceDocument>(200, "application/json", "text/csv", "text/html", Workbook.ContentType).ProducesProblem(400).ProducesProblem(404);
        invoices.MapGet("/{id}/state", State).WithSummary("What became of a document: issued, corrected or voided, and by which others");
        invoices.MapPost("/{id}/void", Void).RequireAuthorization(Roles.MayManage).WithSummary("Takes an invoice back with a note in the open month; it keeps its number and bytes. Asked again, it tells what was done");
        invoices.MapPost("/{id}/reissue", Reissue).RequireAuthorization(Roles.MayManage).WithSummary("Issues a voided invoice anew, by the prices and the contract as they are now, once");
    }

    private static async Task<IResult> List(string? tenant, string? period, string? state, string? cursor, int? limit, string? format, HttpRequest request, Caller caller, LedgerStore store, InvoiceDrafts drafts, CancellationToken cancel)
    {
        if (state is not (null or "draft" or "issued" or "corrected" or "voided")) return Problems.Invalid($"'state' is '{state}'; it is draft, issued, corrected or voided, or left out for all that are issued.");
        BillingPeriod? month = BillingPeriod.TryParse(period, out var parsed) ? parsed : null;
        if (period is not null && month is null) return Problems.Invalid($"'period' is '{period}'; write a month as 2026-10.");
        if (limit is < 1 or > MaxLimit) return Problems.Invalid($"'limit' is {limit}; it is 1 to {MaxLimit}.");
        if (!long.TryParse(cursor ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out var after)) return Problems.Invalid("'cursor' is none of ours; take the nextCursor of the page before.");
        var size = limit ?? 1_000;
        await using var connection = await store.OpenReadAsync(caller, cancel);

        // Another tenant's documents are none.
        var foreign = caller.Tenant is not null && tenant is not null && tenant != caller.Tenant;
        var states = await InvoiceStore.StatesAsync(connection, caller.Tenant ?? tenant, cancel);
        List<InvoiceDocument> documents;
        if (foreign) documents = [];
        else if (state == "draft") documents = [.. (await drafts.ListAsync(month, caller.Tenant ?? tenant, cancel)).Skip((int)Math.Min(after, int.MaxValue)).Take(size + 1)];
        else if (state is null) documents = await InvoiceStore.ReadAsync(connection, caller.Tenant ?? tenant, period, after, size + 1, cancel);
        else documents = [.. (await InvoiceStore.ReadAsync(connection, caller.Tenant ?? tenant, period, after, int.MaxValue, cancel)).Where(one => states[one.Number].State == state).Take(size + 1)];
        var next = documents.Count <= size ? null : (state == "draft" ? after + size : documents[size - 1].Number).ToString(CultureInfo.InvariantCulture);
        var entries = documents.Take(size).Select(one => EntryOf(one, one.IsDraft ? StateOf(one) : states[one.Number])).ToList();
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(ListHeader, entries.Select(one => (IReadOnlyList<object?>)[one.Id, one.Kind, one.State, one.Period, one.Origin, one.Corrects, one.Tenant, one.Currency, one.Net, one.Tax, one.Total, one.IssuedOn, one.DueOn, one.VoidedBy, one.ReplacedBy]), next)
            : TypedResults.Ok(new Page(entries, next));
    }

    private static async Task<IResult> Show(string id, string? format, HttpRequest request, HttpResponse response, Caller caller, LedgerStore store, InvoiceDrafts drafts, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(caller, cancel);
        var (document, json, hash) = (default(InvoiceDocument), "", "");
        if (!InvoiceDrafts.IsName(id)) (document, json, hash) = await InvoiceStore.FindAsync(connection, id, caller.Tenant, cancel) is { } found ? (found.Document, found.Json, found.Hash) : default;
        else if (await drafts.FindAsync(id, caller.Tenant, cancel) is { } draft) (document, json) = (draft, draft.Json());
        if (document is null) return Problems.Unknown("invoice", id);
        var state = document.IsDraft ? StateOf(document) : (await InvoiceStore.StatesAsync(connection, document.Tenant.Id, cancel))[document.Number];
        response.Headers["Invoice-State"] = state.State;
        response.Headers.Vary = "Accept";
        switch (InvoiceFormat.Of(request, format))
        {
            case InvoiceFormat.Html:
                string? manifest;
                // The manifest names every tenant's documents; only its hash is shown.
                await using (var all = await store.OpenReadAsync(Caller.Local, cancel)) manifest = (await InvoiceStore.PeriodsAsync(all, cancel)).Find(one => one.Id == document.Period)?.Hash;
                response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'";
                return TypedResults.Content(InvoicePage.Render(document, state, hash, manifest), "text/html; charset=utf-8");
            case InvoiceFormat.Csv:
                return new CsvAnswer(LineHeader, document.Lines.Select(line => (IReadOnlyList<object?>)
                    [document.Id, line.Kind, line.Text, line.Book, line.Version, line.Tier, line.Quantity, line.Unit, line.UnitPrice, line.Cost, line.TaxRate, line.TaxBase, line.Amount, line.Effective, document.Currency]));
            case InvoiceFormat.Xlsx:
                return TypedResults.File(InvoiceSheets.Render(document, state, hash), Workbook.ContentType, $"{document.Kind}-{document.Id}.xlsx");
            case InvoiceFormat.Json:
                return TypedResults.Text(json, "application/json");
            default:
                return Problems.Invalid($"'format' is '{format}'; it is json, csv, html or xlsx.");
        }
    }

    private static async Task<Results<Ok<InvoiceState>, ProblemHttpResult>> State(string id, Caller caller, LedgerStore store, InvoiceDrafts drafts, CancellationToken cancel)
    {
        if (InvoiceDrafts.IsName(id)) return await drafts.FindAsync(id, caller.Tenant, cancel) is { } draft ? TypedResults.Ok(StateOf(draft)) : Problems.Unknown("invoice", id);
        await using var connection = await store.OpenReadAsync(caller, cancel);
        return await InvoiceStore.FindAsync(connection, id, caller.Tenant, cancel) is { Document: var document }
            ? TypedResults.Ok((await InvoiceStore.StatesAsync(connection, document.Tenant.Id, cancel))[document.Number]) : Problems.Unknown("invoice", id);
    }

    private static InvoiceState StateOf(InvoiceDocument draft) => new() { Id = draft.Id, State = draft.State! };

    private static Entry EntryOf(InvoiceDocument one, InvoiceState state) =>
        new(one.Id, one.Kind, state.State, one.Period, one.Origin, one.Corrects, one.Tenant.Id, one.Currency, one.Net, one.Tax, one.Total, one.IssuedOn, one.DueOn, state.VoidedBy, state.ReplacedBy);

    private static async Task<Results<Ok<InvoiceState>, ProblemHttpResult>> Void(string id, VoidRequest request, ClaimsPrincipal user, InvoiceVoiding voiding, CancellationToken cancel)
    {
        if (request.Reason?.Trim() is not { Length: > 0 and <= MaxReason } reason) return Problems.Invalid($"'reason' is missing or longer than {MaxReason} characters; say why the invoice is voided.");
        try
        {
            return await voiding.VoidAsync(id, reason, user, cancel) is { } state ? TypedResults.Ok(state) : Problems.Unknown("invoice", id);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Conflict(refused.Message);
        }
    }

    private static async Task<Results<Ok<InvoiceDocument>, ProblemHttpResult>> Reissue(string id, ClaimsPrincipal user, InvoiceVoiding voiding, CancellationToken cancel)
    {
        try
        {
            return await voiding.ReissueAsync(id, user, cancel) is { } document ? TypedResults.Ok(document) : Problems.Unknown("invoice", id);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Conflict(refused.Message);
        }
    }
}
