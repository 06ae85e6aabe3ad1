using System.Globalization;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Billing;

/// <summary><c>/v1/invoices</c>.</summary>
internal static class InvoiceEndpoints
{
    private const int MaxLimit = 10_000;
    private static readonly string[] ListHeader = ["id", "kind", "period", "origin", "corrects", "tenant", "currency", "total", "issuedOn"];
    private static readonly string[] LineHeader = ["invoice", "kind", "text", "book", "version", "tier", "quantity", "unit", "unitPrice", "cost", "amount", "effective", "currency"];

    /// <summary>An invoice or a note in the list.</summary>
    /// <param name="State"><c>issued</c>, or <c>corrected</c> when a note refers to it.</param>
    internal sealed record Entry(string Id, string Kind, string State, string Period, string Origin, string? Corrects, string Tenant, string Currency, decimal Total, string IssuedOn);

    internal sealed record Page(IReadOnlyList<Entry> Invoices, string? NextCursor);

    public static void MapInvoices(this IEndpointRouteBuilder routes)
    {
        var invoices = routes.MapGroup("/v1/invoices").WithTags("Billing").RequireAuthorization(Roles.MayRead);
        invoices.MapGet("/", List).WithSummary("Invoices, credit notes and debit notes in the order of their numbers");
        invoices.MapGet("/{id}", Show).WithSummary("One document: JSON byte for byte as it was hashed, or its lines as CSV");
    }

    private static async Task<IResult> List(string? tenant, string? period, string? cursor, int? limit, string? format, HttpRequest request, Caller caller, LedgerStore store, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxLimit) return Problems.Invalid($"'limit' is {limit}; it is 1 to {MaxLimit}.");
        if (!long.TryParse(cursor ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out var after)) return Problems.Invalid("'cursor' is none of ours; take the nextCursor of the page before.");
        var size = limit ?? 1_000;
        await using var connection = await store.OpenReadAsync(cancel);

        // Another tenant's documents are none.
        var documents = caller.Tenant is not null && tenant is not null && tenant != caller.Tenant ? [] : await InvoiceStore.ReadAsync(connection, caller.Tenant ?? tenant, period, after, size + 1, cancel);
        var next = documents.Count > size ? documents[size - 1].Number.ToString(CultureInfo.InvariantCulture) : null;
        var states = await InvoiceStore.StatesAsync(connection, caller.Tenant ?? tenant, cancel);
        var entries = documents.Take(size).Select(one => new Entry(one.Id, one.Kind, states[one.Number].State, one.Period, one.Origin, one.Corrects, one.Tenant.Id, one.Currency, one.Total, one.IssuedOn)).ToList();
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(ListHeader, entries.Select(one => (IReadOnlyList<object?>)[one.Id, one.Kind, one.Period, one.Origin, one.Corrects, one.Tenant, one.Currency, one.Total, one.IssuedOn]), next)
            : TypedResults.Ok(new Page(entries, next));
    }

    private static async Task<IResult> Show(string id, string? format, HttpRequest request, Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        if (await InvoiceStore.FindAsync(connection, id, caller.Tenant, cancel) is not { } found) return Problems.Unknown("invoice", id);
        var document = found.Document;
        if (InvoicePage.Wanted(request, format)) return TypedResults.Content(InvoicePage.Render(document, found.Hash), "text/html; charset=utf-8");
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(LineHeader, document.Lines.Select(line => (IReadOnlyList<object?>)[document.Id, line.Kind, line.Text, line.Book, line.Version, line.Tier, line.Quantity, line.Unit, line.UnitPrice, line.Cost, line.Amount, line.Effective, document.Currency]))
            : TypedResults.Text(found.Json, "application/json");
    }
}
