using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Service.Alerts.Channels;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Alerts;

/// <summary>Makes, changes and enables endpoints, in the transaction of whoever asks.</summary>
internal static class EndpointChange
{
    /// <summary>How long the secret before signs too.</summary>
    public static readonly TimeSpan DefaultOverlap = TimeSpan.FromDays(1);

    /// <summary>The endpoint as it is then, with its secret when one was made. Throws <see cref="RuleBrokenException"/> with every fault.</summary>
    public static async Task<JsonObject> PutAsync(LedgerTransaction transaction, string id, JsonElement document, ChannelCatalogue channels, ClaimsPrincipal who, DateTimeOffset now, CancellationToken cancel)
    {
        var faults = new List<Fault>();
        if (id.Length is 0 or > 64 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) faults.Add(new Fault("", "The id is 1 to 64 letters, digits, '-' or '_'."));
        var (settings, secret) = new EndpointReader(channels).Read(document, faults);
        RuleBrokenException.ThrowIfAny(faults);
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
            await AuditTrail.AddAsync(transaction, now, who, "webhook.put", id, before, Masked(known).ToJsonString());
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
    }

    internal static void Replace(Webhook webhook, string secret, TimeSpan overlap, DateTimeOffset now)
    {
        (webhook.OldSecret, webhook.OldSecretUntil) = overlap > TimeSpan.Zero && webhook.Secret.Length > 0 ? ((string?)webhook.Secret, (long?)(now + overlap).ToUnixMicroseconds()) : (null, null);
        webhook.Secret = secret;
    }

    internal static JsonObject View(Webhook webhook)
    {
        var view = new JsonObject { ["id"] = webhook.Id };
        foreach (var (name, value) in Masked(webhook)) view[name] = value?.DeepClone();
        view["disabled"] = webhook.Disabled;
        if (webhook.FailingSince is { } since) view["failingSince"] = UnixTime.FromMicroseconds(since);
        return view;
    }

    internal static JsonObject Masked(Webhook webhook) => EndpointMask.Of(webhook.ReadSettings());
}
