using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Service.Access;
using Metering.Service.Alerts.Channels;
using Metering.Service.Applying;
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
    private static readonly TimeSpan LongestOverlap = TimeSpan.FromDays(30);

    // What is secret can not be read, and so is no part of what somebody has seen.
    private const string VersionSql = "SELECT settings, url, channel, disabled FROM webhook WHERE id = @id";

    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        var webhooks = routes.MapGroup("/v1/webhooks").WithTags("Alerts").RequireAuthorization(Roles.MayManage);
        webhooks.MapGet("/", List).WithSummary("The endpoints").AsList();
        webhooks.MapGet("/{id}", Get).WithSummary("One endpoint; what is secret is left out").WithVersion(VersionSql);
        webhooks.MapPut("/{id}", Put).Accepts<EndpointSettings>("application/json").WithSummary("Makes, changes or enables an endpoint; the secret of a webhook is shown once, when it is made").WithVersion(VersionSql);
        webhooks.MapPost("/apply", Apply).WithSummary("Makes, changes or enables several endpoints, all or none; check=true only tells the faults. Answers as PUT does, one for each");
        webhooks.MapDelete("/{id}", Delete).WithSummary("Removes an endpoint and its deliveries").WithVersion(VersionSql);
        webhooks.MapPost("/{id}/rotate", Rotate).WithSummary("Makes a new secret, shown once; the one before signs too for the overlap (default 1d)");
    }

    private static async Task<Ok<List<JsonObject>>> List(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return TypedResults.Ok((await context.Set<Webhook>().AsNoTracking().OrderBy(webhook => webhook.Id).ToListAsync(cancel)).ConvertAll(webhook => EndpointChange.View(webhook)));
    }

    private static async Task<Results<Ok<JsonObject>, ProblemHttpResult>> Get(string id, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return await context.Set<Webhook>().AsNoTracking().FirstOrDefaultAsync(webhook => webhook.Id == id, cancel) is { } found ? TypedResults.Ok(EndpointChange.View(found)) : Problems.Unknown("webhook", id);
    }

    private static async Task<Results<Ok<JsonObject>, ProblemHttpResult>> Put(
        string id, JsonElement document, ClaimsPrincipal user, LedgerStore store, ChannelCatalogue channels, WebhookDispatcher dispatcher, TimeProvider clock, CancellationToken cancel)
    {
        try
        {
            var view = await store.WriteAsync(transaction => EndpointChange.PutAsync(transaction, id, document, channels, user, clock.GetUtcNow(), cancel), cancel);
            dispatcher.Wake();
            return TypedResults.Ok(view);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Rule(refused.Faults);
        }
    }

    private static async Task<Results<Ok<List<JsonObject>>, NoContent, ProblemHttpResult>> Apply(
        ApplyRequest request, bool? check, ClaimsPrincipal user, LedgerStore store, ChannelCatalogue channels, WebhookDispatcher dispatcher, TimeProvider clock, CancellationToken cancel)
    {
        List<JsonObject> views = [];
        var answer = await DocumentApply.RunAsync<JsonObject>(request, check, store, DocumentVersions.ById(VersionSql),
            async (transaction, id, document, _) => views.Add(await EndpointChange.PutAsync(transaction, id, JsonSerializer.SerializeToElement(document), channels, user, clock.GetUtcNow(), cancel)), cancel);
        if (answer.Result is ProblemHttpResult refused) return refused;
        dispatcher.Wake();
        return check == true ? TypedResults.NoContent() : TypedResults.Ok(views);
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
            if (rows > 0) await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), user, "webhook.delete", id, known is null ? null : EndpointChange.Masked(known).ToJsonString(), null);
            await LedgerSnapshot.RaiseAsync(transaction);
            return rows;
        }, cancel);
        return deleted > 0 ? TypedResults.NoContent() : Problems.Unknown("webhook", id);
    }

    private static async Task<Results<Ok<JsonObject>, ProblemHttpResult>> Rotate(string id, string? overlap, ClaimsPrincipal user, LedgerStore store, TimeProvider clock, CancellationToken cancel)
    {
        var span = EndpointChange.DefaultOverlap;
        if (overlap is not null && (!Duration.TryParse(overlap, out span) || span < TimeSpan.Zero || span > LongestOverlap)) return Problems.Invalid("overlap is a time from 0s to 30d, such as 24h.");
        var view = await store.WriteAsync(async transaction =>
        {
            var now = clock.GetUtcNow();
            var known = await transaction.Context.Set<Webhook>().FirstOrDefaultAsync(webhook => webhook.Id == id && webhook.Channel == WebhookChannel.ChannelName, cancel);
            if (known is null) return null;
            EndpointChange.Replace(known, WebhookSecret.Generate().Reveal(), span, now);
            await transaction.Context.SaveChangesAsync(cancel);
            await AuditTrail.AddAsync(transaction, now, user, "webhook.rotate", id, null, null);
            return new JsonObject { ["id"] = id, ["secret"] = known.Secret, ["formerSecretUntil"] = UnixTime.FromMicroseconds(known.OldSecretUntil ?? now.ToUnixMicroseconds()) };
        }, cancel);
        return view is null ? Problems.Unknown("endpoint of channel webhook", id) : TypedResults.Ok(view);
    }
}
