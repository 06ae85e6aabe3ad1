using System.Globalization;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Alerts;

/// <summary>Notes each attempt and what follows from it: the delivery's state, since when its endpoint fails, and whether it is given up. One transaction for each attempt.</summary>
internal sealed class DeliveryLog(LedgerStore store, TimeProvider clock)
{
    /// <summary>An endpoint that has taken nothing for so long is disabled.</summary>
    public static readonly TimeSpan DeadAfter = TimeSpan.FromDays(5);

    /// <summary>Returns why the endpoint is disabled now; null when it is not.</summary>
    /// <remarks>It takes no cancellation: what was sent is noted even while the service stops.</remarks>
    public Task<string?> AddAsync(Delivery delivery, WebhookResult result, string state, TimeSpan? next) => store.WriteAsync(async transaction =>
    {
        var now = clock.GetUtcNow();
        var at = now.ToUnixMicroseconds();
        var isDelivered = state == Delivery.Delivered;
        var noted = await transaction.ExecuteAsync("UPDATE delivery SET state = @state, attempts = attempts + 1, next_attempt_at = @next, last_status = @status, last_error = @error WHERE id = @id AND state = 'pending'",
            ("@state", state), ("@next", (now + (next ?? TimeSpan.Zero)).ToUnixMicroseconds()), ("@status", result.Status is { } code ? (long)code : null), ("@error", isDelivered ? null : result.Reason), ("@id", delivery.Id));
        if (noted == 0) return null;
        await transaction.ExecuteAsync("INSERT INTO delivery_attempt (delivery, at, duration_us, outcome, status, reason, answer) VALUES (@delivery, @at, @duration, @outcome, @status, @reason, @answer)",
            ("@delivery", delivery.Id), ("@at", result.Attempted.ToUnixMicroseconds()), ("@duration", result.Duration.Microseconds()), ("@outcome", result.Outcome.ToString().ToLowerInvariant()),
            ("@status", result.Status is { } status ? (long)status : null), ("@reason", result.Reason), ("@answer", result.Answer));
        if (result.Outcome is WebhookOutcome.Delivered or WebhookOutcome.Refused)
        {
            await transaction.ExecuteAsync("UPDATE webhook SET failing_since = NULL WHERE id = @id AND failing_since IS NOT NULL", ("@id", delivery.Webhook));
            return null;
        }

        var since = await transaction.ScalarAsync(transaction.Command("UPDATE webhook SET failing_since = COALESCE(failing_since, @at) WHERE id = @id RETURNING failing_since", ("@at", at), ("@id", delivery.Webhook)));
        var why = result.Outcome == WebhookOutcome.Disable ? "The receiver answered 410 Gone."
            : since <= (now - DeadAfter).ToUnixMicroseconds() ? string.Create(CultureInfo.InvariantCulture, $"Nothing was taken since {UnixTime.FromMicroseconds(since.Value):yyyy-MM-dd HH:mm} UTC; the last time: {result.Reason}") : null;
        if (why is null || await transaction.ExecuteAsync("UPDATE webhook SET disabled = @why WHERE id = @id AND disabled IS NULL", ("@why", why), ("@id", delivery.Webhook)) == 0) return null;
        await AuditTrail.AddAsync(transaction, now, new System.Security.Claims.ClaimsPrincipal(), "webhook.disable", delivery.Webhook, null, AuditTrail.Text(new { why }));
        await NoticeAsync(transaction, delivery.Webhook, AlertFact.Firing, $"Endpoint {delivery.Webhook} is disabled. {why}", now);
        return why;
    }, CancellationToken.None);

    /// <summary>Tells the other endpoints, by their routes, that one is given up or served again.</summary>
    public static Task NoticeAsync(LedgerTransaction transaction, string endpoint, string state, string summary, DateTimeOffset now) => Outbox.AddAsync(transaction,
        AlertFact.Own(string.Create(CultureInfo.InvariantCulture, $"ep_{endpoint}_{state}_{now.ToUnixMicroseconds()}"), CloudEvent.EndpointType, "endpoint", endpoint, state, "error", summary), [], now);
}
