using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Billing;

/// <summary><c>/v1/charges</c> and <c>/v1/invoices/{id}/charges</c>.</summary>
internal static class ChargeEndpoints
{
    private const int MaxBatches = 1_000;
    private static readonly string[] Header = ["id", "kind", "origin", "day", "workload", "sku", "book", "version", "tier", "quantity", "unit", "unitPrice", "cost", "currency"];

    /// <summary>A charge that an invoice or note is made of.</summary>
    internal sealed record ChargeView(string Id, string Kind, string Origin, string Day, long Workload, string Sku, string Book, int Version, int Tier, decimal Quantity, string Unit, decimal UnitPrice, string Cost, string Currency);

    public static void MapCharges(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/charges/{id}/explain", Explain).WithTags("Billing").RequireAuthorization(Roles.MayRead).WithSummary("A charge walked back to the price, the buckets, the batches and the kernel's readings");
        routes.MapGet("/v1/invoices/{id}/charges", Charges).WithTags("Billing").RequireAuthorization(Roles.MayRead).WithSummary("The charges, by workload, meter, tier and day, that a document is made of");
    }

    private static async Task<Results<Ok<ExplainedCharge>, ProblemHttpResult>> Explain(string id, int? batches, Caller caller, ChargeExplanation explanation, CancellationToken cancel)
    {
        if (batches is < 0 or > MaxBatches) return Problems.Invalid($"'batches' is {batches}; it is 0 to {MaxBatches}.");
        return await explanation.ExplainAsync(id, caller, batches ?? 100, cancel) is { } explained ? TypedResults.Ok(explained) : Problems.Unknown("charge", id);
    }

    private static async Task<IResult> Charges(string id, string? format, HttpRequest request, Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(caller, cancel);
        if (await InvoiceStore.FindAsync(connection, id, caller.Tenant, cancel) is not { } found) return Problems.Unknown("invoice", id);
        var document = found.Document;
        var views = new List<ChargeView>();
        await foreach (var one in ChargeStore.ReadAsync(connection, "period = @value", document.Period, cancel))
        {
            if (one.Tenant != document.Tenant.Id || one.Currency != document.Currency || one.Origin != document.Origin || one.Cause != document.Cause) continue;
            views.Add(new ChargeView(one.Id, one.Kind, one.Origin, one.Day, one.Workload, one.Sku, one.Book, one.Version, one.Tier, one.Quantity, one.Unit, one.UnitPrice, one.Cost.ToString(), one.Currency));
        }

        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(Header, views.Select(one => (IReadOnlyList<object?>)[one.Id, one.Kind, one.Origin, one.Day, one.Workload, one.Sku, one.Book, one.Version, one.Tier, one.Quantity, one.Unit, one.UnitPrice, one.Cost, one.Currency]))
            : TypedResults.Ok(views);
    }
}
