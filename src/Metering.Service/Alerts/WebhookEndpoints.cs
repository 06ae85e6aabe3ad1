using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Service.Access;
using Metering.Service.Alerts.Channels;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Alerts;

/// <summary><c>/v1/webhooks</c>: endpoints of all channels.</summary>
internal static class WebhookEndpoints
{
    private static readonly TimeSpan DefaultOverlap = TimeSpan.FromDays(1), LongestOverlap = TimeSpan.FromDays(30);

    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        var webhooks = routes.MapGroup("/v1/webhooks").WithTags("Alerts").RequireAuthorization(Roles.MayManage);
        webhooks.MapGet("/", List).WithSummary("The endpoints").AsList();
        webhooks.MapGet("/{id}", Get).WithSummary("One endpoint; what is secret is left out");
        webhooks.MapPut("/{id}", Put).Accepts<EndpointSettings>("application/json").WithSummary("Makes, changes or enables an endpoint; the secret of a webhook is shown once, when it is made");
        webhooks.MapDelete("/{id}", Delete).WithSummary("Removes an endpoint and its deliveries");
        webhooks.MapPost("/{id}/rotate", Rotate).WithSummary("Makes a new secret, shown once; the one before signs too for the overlap (default 1d)");
    }

    private static async Task<Ok<List<JsonObject>>> List(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return TypedResults.Ok((await context.Set<Webhook>().AsNoTracking().OrderBy(webhook => webhook.Id).ToListAsync(cancel)).ConvertAll(webhook => View(webhook)));
    }

    private static async Task<Results<Ok<JsonObject>, ProblemHttpResult>> Get(string id, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return await context.Set<Webhook>().AsNoTracking().FirstOrDefaultAsync(webhook => webhook.Id == id, cancel) is { } found ? TypedResults.Ok(View(found)) : Problems.Unknown("webhook", id);
    }

    private static async Task<Results<Ok<JsonObject>, ProblemHttpResult>> Put(
        string id, JsonElement document, ClaimsPrincipal user, LedgerStore store, ChannelCatalogue channels, WebhookDispatcher dispatcher, TimeProvider clock, CancellationToken cancel)
    {
        var faults = new List<Fault>();
        if (id.Length is 0 or > 64 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) faults.Add(new Fault("", "The id is 1 to 64 letters, digits, '-' or '_'."));
        var (settings, secret) = new EndpointReader(channels).Read(document, faults);
        if (faults.Count > 0) return Problems.Rule(faults);
        var view = await store.WriteAsync(async transaction =>
        {
            var now = clock.GetUtcNow();
            var known = await transaction.Context.Set<Webhook>().FirstOrDefaultAsync(webhook => webhook.Id == id, cancel);
            var before = known is null ? null : Masked(known).ToJsonString();
            var isNew = known is null;
            if (known is null) transaction.Context.Add(known = new Webhook { Id = id });
            var (former, disabled) = (known.SettingsJson, known.Disabled);
            known.Write(isNew ? settings : EndpointMask.Keep(settings, known.ReadSettings()));
            var isRotated = secret is not null && secret != known.Secret;
            if (isRotated) Replace(known, secret!, isNew ? TimeSpan.Zero : DefaultOverlap, now);
            var isGenerated = known.Secret.Length == 0 && settings.Channel == WebhookChannel.ChannelName;
            if (isGenerated) known.Secret = WebhookSecret.Generate().Reveal();
            var isChanged = isNew || isRotated || former != known.SettingsJson || disabled is not null;
            if (disabled is not null) (known.Disabled, known.FailingSince) = (null, null);
            await transaction.Context.SaveChangesAsync(cancel);
            if (isChanged)
            {
                await LedgerSnapshot.RaiseAsync(transaction);
                await AuditTrail.AddAsync(transaction, now, user, "webhook.put", id, before, Masked(known).ToJsonString());
            }

            // What had its time to come again while it was disabled comes now, in order.
            if (disabled is not null)
            {
                await transaction.ExecuteAsync("UPDATE delivery SET next_attempt_at = @now WHERE webhook = @id AND state = 'pending'", ("@now", now.ToUnixMicroseconds()), ("@id", id));
                await DeliveryLog.NoticeAsync(transaction, id, AlertFact.Resolved, $"Endpoint {id} is served again.", now);
            }

            var shown = View(known);
            shown["changed"] = isChanged;
            if (isGenerated) shown["secret"] = known.Secret;
            return shown;
        }, cancel);
        dispatcher.Wake();
        return TypedResults.Ok(view);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string id, ClaimsPrincipal user, LedgerStore store, TimeProvider clock, CancellationToken cancel)
    {
        var deleted = await store.WriteAsync(async transaction =>
        {
            var known = await transaction.Context.Set<Webhook>().AsNoTracking().FirstOrDefaultAsync(webhook => webhook.Id == id, cancel);
            var rows = await transaction.ExecuteAsync("DELETE FROM webhook WHERE id = @id", ("@id", id));
            await transaction.ExecuteAsync("DELETE FROM delivery_attempt WHERE delivery IN (SELECT id FROM delivery WHERE webhook = @id)", ("@id", id));
            await transaction.ExecuteAsync("DELETE FROM delivery WHERE webhook = @id", ("@id", id));
            await transaction.ExecuteAsync("DELETE FROM notification WHERE webhook = @id", ("@id", id));
            if (rows > 0) await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), user, "webhook.delete", id, known is null ? null : Masked(known).ToJsonString(), null);
            await LedgerSnapshot.RaiseAsync(transaction);
            return rows;
        }, cancel);
        return deleted > 0 ? TypedResults.NoContent() : Problems.Unknown("webhook", id);
    }

    private static async Task<Results<Ok<JsonObject>, ProblemHttpResult>> Rotate(string id, string? overlap, ClaimsPrincipal user, LedgerStore store, TimeProvider clock, CancellationToken cancel)
    {
        var span = DefaultOverlap;
        if (overlap is not null && (!Duration.TryParse(overlap, out span) || span < TimeSpan.Zero || span > LongestOverlap)) return Problems.Invalid("overlap is a time from 0s to 30d, such as 24h.");
        var view = await store.WriteAsync(async transaction =>
        {
            var now = clock.GetUtcNow();
            var known = await transaction.Context.Set<Webhook>().FirstOrDefaultAsync(webhook => webhook.Id == id && webhook.Channel == WebhookChannel.ChannelName, cancel);
            if (known is null) return null;
            Replace(known, WebhookSecret.Generate().Reveal(), span, now);
            await transaction.Context.SaveChangesAsync(cancel);
            await AuditTrail.AddAsync(transaction, now, user, "webhook.rotate", id, null, null);
            return new JsonObject { ["id"] = id, ["secret"] = known.Secret, ["formerSecretUntil"] = UnixTime.FromMicroseconds(known.OldSecretUntil ?? now.ToUnixMicroseconds()) };
        }, cancel);
        return view is null ? Problems.Unknown("endpoint of channel webhook", id) : TypedResults.Ok(view);
    }

    private static void Replace(Webhook webhook, string secret, TimeSpan overlap, DateTimeOffset now)
    {
        (webhook.OldSecret, webhook.OldSecretUntil) = overlap > TimeSpan.Zero && webhook.Secret.Length > 0 ? ((string?)webhook.Secret, (long?)(now + overlap).ToUnixMicroseconds()) : (null, null);
        webhook.Secret = secret;
    }

    private static JsonObject View(Webhook webhook)
    {
        var view = new JsonObject { ["id"] = webhook.Id };
        foreach (var (name, value) in Masked(webhook)) view[name] = value?.DeepClone();
        view["disabled"] = webhook.Disabled;
        if (webhook.FailingSince is { } since) view["failingSince"] = UnixTime.FromMicroseconds(since);
        return view;
    }

    private static JsonObject Masked(Webhook webhook) => EndpointMask.Of(webhook.ReadSettings());
}
