using System.ComponentModel;
using System.Security.Claims;
using Metering.Service.Access;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Alerts;

/// <summary><c>/v1/webhooks/{id}/deliveries</c>, <c>…/redeliver</c> and <c>…/test</c>.</summary>
internal static class DeliveryEndpoints
{
    private const int MaxLimit = 1_000;

    public static void MapDeliveries(this IEndpointRouteBuilder routes)
    {
        var webhook = routes.MapGroup("/v1/webhooks/{id}").WithTags("Alerts").RequireAuthorization(Roles.MayManage);
        webhook.MapGet("/deliveries", List).AsTable().WithSummary("Deliveries, newest first; state=pending, delivered or dead, since and until an instant; the next page in header X-Next-Cursor");
        webhook.MapGet("/deliveries/{eventId}", Get).WithSummary("One delivery: every attempt, and what was sent");
        webhook.MapPost("/redeliver", Redeliver).WithSummary("Sends dead and delivered events again, in their order: one by eventId, or all from since until an instant");
        webhook.MapPost("/test", Test).WithSummary("Sends a test event");
    }

    private static async Task<Results<Ok<List<DeliveryView>>, ProblemHttpResult>> List(
        string id, [Description("1 to 1000; default 100")] int? limit, [Description("X-Next-Cursor of the page before")] string? cursor, [Description("pending, delivered or dead")] string? state, [Description("Id of the event before which to begin")] string? before,
        DateTimeOffset? since, DateTimeOffset? until, DeliveryBook book, HttpResponse response, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxLimit) return ListAnswers.NoLimit(limit, MaxLimit);
        if (state is not (null or Delivery.Pending or Delivery.Delivered or Delivery.Dead)) return Problems.Invalid($"'state' is '{state}'; it is pending, delivered or dead.");
        if (until <= since) return Problems.Invalid("until is after since.");
        if (!string.IsNullOrEmpty(cursor) && await book.FindAsync(id, cursor, cancel) is null) return await book.ListAsync(id, null, null, 1, cancel) is null ? Problems.Unknown("webhook", id) : ListAnswers.NoCursor();
        return await book.ListAsync(id, state, cursor ?? before, (limit ?? 100) + 1, cancel, since, until) is { } found
            ? TypedResults.Ok(ListAnswers.Page(response, found, limit ?? 100, last => last.EventId)) : Problems.Unknown("webhook", id);
    }

    private static async Task<Results<Ok<DeliveryDetails>, ProblemHttpResult>> Get(string id, string eventId, DeliveryBook book, CancellationToken cancel) =>
        await book.FindAsync(id, eventId, cancel) is { } found ? TypedResults.Ok(found) : Problems.Unknown("delivery", eventId);

    private static async Task<Results<Ok<object>, ProblemHttpResult>> Redeliver(string id, string? eventId, DateTimeOffset? since, DateTimeOffset? until, ClaimsPrincipal user, DeliveryBook book, CancellationToken cancel)
    {
        if (eventId is null && since is null) return Problems.Invalid("Give eventId=… or since=… (and until=…).");
        if (until <= since) return Problems.Invalid("until is after since.");
        return await book.RedeliverAsync(id, eventId, since, until, user, cancel) is { } again ? TypedResults.Ok<object>(new { redelivered = again }) : Problems.Unknown("webhook", id);
    }

    private static async Task<Results<Ok<DeliveryView>, ProblemHttpResult>> Test(string id, ClaimsPrincipal user, DeliveryBook book, CancellationToken cancel) =>
        await book.TestAsync(id, user, cancel) is { } delivery ? TypedResults.Ok(delivery) : Problems.Unknown("webhook", id);
}
