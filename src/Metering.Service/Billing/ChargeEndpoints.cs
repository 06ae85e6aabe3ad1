using System.ComponentModel;
using System.Globalization;
using Metering.Service.Access;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Billing;

/// <summary><c>/v1/charges</c> and <c>/v1/invoices/{id}/charges</c>.</summary>
internal static class ChargeEndpoints
{
    private const int MaxBatches = 1_000, MaxLimit = 10_000;
    private static readonly string[] Header = ["id", "kind", "origin", "day", "workload", "sku", "book", "version", "tier", "quantity", "unit", "unitPrice", "cost", "currency"];

    /// <summary>A charge that an invoice or note is made of.</summary>
    internal sealed record ChargeView(string Id, string Kind, string Origin, string Day, long Workload, string Sku, string Book, int Version, int Tier, decimal Quantity, string Unit, decimal UnitPrice, Amount Cost, string Currency)
    {
        public static ChargeView Of(ChargeEntry one) => new(one.Id, one.Kind, one.Origin, one.Day, one.Workload, one.Sku, one.Book, one.Version, one.Tier, one.Quantity, one.Unit, one.UnitPrice, one.Cost, one.Currency);
    }

    public static void MapCharges(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/charges/{id}/explain", Explain).WithTags("Billing").RequireAuthorization(Roles.MayRead).WithSummary("A charge walked back to the price, the buckets, the batches and the kernel's readings");
        routes.MapGet("/v1/invoices/{id}/charges", Charges).WithTags("Billing").RequireAuthorization(Roles.MayRead).WithSummary("The charges, by workload, meter, tier and day, that a document is made of; the next page in header X-Next-Cursor").Produces<List<ChargeView>>(200, "application/json", "text/csv").ProducesProblem(400).ProducesProblem(404);
    }

    private static async Task<Results<Ok<ExplainedCharge>, ProblemHttpResult>> Explain(string id, int? batches, Caller caller, ChargeExplanation explanation, CancellationToken cancel)
    {
        if (batches is < 0 or > MaxBatches) return Problems.Invalid($"'batches' is {batches}; it is 0 to {MaxBatches}.");
        return await explanation.ExplainAsync(id, caller, batches ?? 100, cancel) is { } explained ? TypedResults.Ok(explained) : Problems.Unknown("charge", id);
    }

    private static async Task<IResult> Charges(string id, [Description("1 to 10000, which is the default")] int? limit, [Description("X-Next-Cursor of the page before")] string? cursor, [Description("json or csv")] string? format, HttpRequest request, HttpResponse response, Caller caller, LedgerStore store, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxLimit) return Problems.Invalid($"'limit' is {limit}; it is 1 to {MaxLimit}.");
        if (!long.TryParse(string.IsNullOrEmpty(cursor) ? "0" : cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var after)) return Problems.Invalid("'cursor' is none of ours; take the X-Next-Cursor of the page before.");
        var last = after;
        await using var connection = await store.OpenReadAsync(caller, cancel);
        if (await InvoiceStore.FindAsync(connection, id, caller.Tenant, cancel) is not { } found) return Problems.Unknown("invoice", id);
        var size = limit ?? MaxLimit;
        var views = new List<ChargeView>();
        string? next = null;
        await foreach (var one in ChargeStore.OfAsync(connection, found.Document, after, size + 1, cancel))
        {
            if (views.Count == size) next = last.ToString(CultureInfo.InvariantCulture);
            else views.Add(ChargeView.Of(one));
            last = one.N;
        }

        if (next is not null) response.Headers[ListAnswers.NextHeader] = next;
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(Header, views.Select(one => (IReadOnlyList<object?>)[one.Id, one.Kind, one.Origin, one.Day, one.Workload, one.Sku, one.Book, one.Version, one.Tier, one.Quantity, one.Unit, one.UnitPrice, one.Cost, one.Currency]))
            : TypedResults.Ok(views);
    }
}
