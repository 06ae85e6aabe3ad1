using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Alerts;

/// <summary><c>/v1/alerts</c> and <c>/v1/webhooks</c>.</summary>
internal static class AlertEndpoints
{
    internal sealed record AlertView(string Id, string Quota, string? Tenant, DateTimeOffset At, JsonElement Data);

    internal sealed record WebhookDocument(string? Url);

    internal sealed record WebhookView(string Id, string Url, string? Disabled, string? Secret = null);

    internal sealed record DeliveryView(string EventId, string State, int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? NextAttemptAt, int? LastStatus, string? LastError);

    public static void MapAlerts(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/alerts", Alerts).RequireAuthorization(Roles.MayRead).WithTags("Alerts").WithSummary("Crossings, newest first");
        var webhooks = routes.MapGroup("/v1/webhooks").WithTags("Alerts").RequireAuthorization(Roles.MayManage);
        webhooks.MapGet("/", List).WithSummary("The webhooks");
        webhooks.MapGet("/{id}", Get).WithSummary("One webhook");
        webhooks.MapPut("/{id}", Put).WithSummary("Makes a webhook, or gives it another URL; the secret is shown once, when it is made");
        webhooks.MapDelete("/{id}", Delete).WithSummary("Removes a webhook");
        webhooks.MapGet("/{id}/deliveries", Deliveries).WithSummary("Deliveries, newest first");
        webhooks.MapPost("/{id}/redeliver", Redeliver).WithSummary("Sends dead and delivered events again: one by eventId, or all since an instant");
        webhooks.MapPost("/{id}/test", Test).WithSummary("Sends a test event");
    }

    private static async Task<Ok<List<AlertView>>> Alerts(Caller caller, int? limit, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var rows = await context.Set<Alert>().AsNoTracking().Where(alert => caller.Tenant == null || alert.Tenant == caller.Tenant)
            .OrderByDescending(alert => alert.At).ThenBy(alert => alert.Id).Take(Math.Clamp(limit ?? 100, 1, 1000)).ToListAsync(cancel);
        return TypedResults.Ok(rows.ConvertAll(row => new AlertView(row.Id, row.Quota, row.Tenant, UnixTime.FromMicroseconds(row.At), JsonSerializer.Deserialize<JsonElement>(row.Json))));
    }

    private static async Task<Ok<List<WebhookView>>> List(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return TypedResults.Ok((await context.Set<Webhook>().AsNoTracking().OrderBy(webhook => webhook.Id).ToListAsync(cancel)).ConvertAll(webhook => View(webhook)));
    }

    private static async Task<Results<Ok<WebhookView>, ProblemHttpResult>> Get(string id, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return await context.Set<Webhook>().AsNoTracking().FirstOrDefaultAsync(webhook => webhook.Id == id, cancel) is { } found ? TypedResults.Ok(View(found)) : Problems.Unknown("webhook", id);
    }

    private static async Task<Results<Ok<WebhookView>, ProblemHttpResult>> Put(string id, WebhookDocument document, LedgerStore store, AddressPolicy policy, CancellationToken cancel)
    {
        var faults = new List<string>();
        if (id.Length is 0 or > 64 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) faults.Add("The id is 1 to 64 letters, digits, '-' or '_'.");
        if (!WebhookUrl.TryParse(document.Url, policy, out var url, out var urlFaults)) faults.AddRange(urlFaults);
        if (faults.Count > 0) return Problems.Rule(faults);
        var view = await store.WriteAsync(async transaction =>
        {
            var known = await transaction.Context.Set<Webhook>().FirstOrDefaultAsync(webhook => webhook.Id == id, cancel);
            var isNew = known is null;
            if (known is null) transaction.Context.Add(known = new Webhook { Id = id, Secret = WebhookSecret.Generate().Reveal() });
            (known.Url, known.Disabled) = (url.ToString(), null);
            await transaction.Context.SaveChangesAsync(cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
            return View(known, isNew ? known.Secret : null);
        }, cancel);
        return TypedResults.Ok(view);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string id, LedgerStore store, CancellationToken cancel)
    {
        var deleted = await store.WriteAsync(async transaction =>
        {
            var rows = await transaction.ExecuteAsync("DELETE FROM webhook WHERE id = @id", ("@id", id));
            await transaction.ExecuteAsync("DELETE FROM delivery WHERE webhook = @id", ("@id", id));
            await LedgerSnapshot.RaiseAsync(transaction);
            return rows;
        }, cancel);
        return deleted > 0 ? TypedResults.NoContent() : Problems.Unknown("webhook", id);
    }

    private static async Task<Results<Ok<List<DeliveryView>>, ProblemHttpResult>> Deliveries(string id, int? limit, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        if (!await context.Set<Webhook>().AnyAsync(webhook => webhook.Id == id, cancel)) return Problems.Unknown("webhook", id);
        var rows = await context.Set<Delivery>().AsNoTracking().Where(delivery => delivery.Webhook == id).OrderByDescending(delivery => delivery.Id).Take(Math.Clamp(limit ?? 100, 1, 1000)).ToListAsync(cancel);
        return TypedResults.Ok(rows.ConvertAll(row => new DeliveryView(row.EventId, row.State, row.Attempts, UnixTime.FromMicroseconds(row.CreatedAt),
            row.State == Delivery.Pending ? UnixTime.FromMicroseconds(row.NextAttemptAt) : null, row.LastStatus, row.LastError)));
    }

    private static async Task<Results<Ok<object>, ProblemHttpResult>> Redeliver(string id, string? eventId, DateTimeOffset? since, LedgerStore store, WebhookDispatcher dispatcher, TimeProvider clock, CancellationToken cancel)
    {
        if (eventId is null && since is null) return Problems.Invalid("Give eventId=… or since=….");
        var again = await store.WriteAsync(transaction => transaction.ExecuteAsync(
            "UPDATE delivery SET state = 'pending', attempts = 0, next_attempt_at = @now WHERE webhook = @id AND state <> 'pending' AND (@event = '' OR event_id = @event) AND created_at >= @since",
            ("@now", clock.GetUtcNow().ToUnixMicroseconds()), ("@id", id), ("@event", eventId ?? ""), ("@since", since?.ToUnixMicroseconds() ?? 0)), cancel);
        dispatcher.Wake();
        return TypedResults.Ok<object>(new { redelivered = again });
    }

    private static async Task<Results<Ok<DeliveryView>, ProblemHttpResult>> Test(string id, LedgerStore store, WebhookDispatcher dispatcher, TimeProvider clock, CancellationToken cancel)
    {
        await using (var context = await store.ReadContextAsync(cancel))
        {
            if (!await context.Set<Webhook>().AnyAsync(webhook => webhook.Id == id, cancel)) return Problems.Unknown("webhook", id);
        }

        var now = clock.GetUtcNow();
        var eventId = "test_" + Guid.CreateVersion7(now).ToString("N");
        var body = Outbox.Test(eventId, now);
        await store.WriteAsync(transaction => transaction.ExecuteAsync(
            "INSERT INTO delivery (webhook, event_id, body, created_at, state, attempts, next_attempt_at) VALUES (@webhook, @event, @body, @at, 'pending', 0, @at)",
            ("@webhook", id), ("@event", eventId), ("@body", body), ("@at", now.ToUnixMicroseconds())), cancel);
        dispatcher.Wake();
        return TypedResults.Ok(new DeliveryView(eventId, Delivery.Pending, 0, now, now, null, null));
    }

    private static WebhookView View(Webhook webhook, string? secret = null) => new(webhook.Id, webhook.Url, webhook.Disabled, secret);
}
