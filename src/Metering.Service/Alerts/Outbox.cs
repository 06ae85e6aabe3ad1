using System.Text.Json;
using Metering.Service.Alerts.Routing;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Alerts;

/// <summary>Records an event and its deliveries, in the transaction that saw it: what is committed is sent, what is rolled back never was.</summary>
internal static class Outbox
{
    internal const string Source = "/metering";

    /// <summary>Records a change of a quota's alert, once by its id, and tells the endpoints that are named and those whose route takes it.</summary>
    public static Task AddAsync(LedgerTransaction transaction, string eventId, string? tenant, QuotaCrossed crossing, IEnumerable<string> webhooks, DateTimeOffset now) =>
        AddAsync(transaction, AlertFact.Of(eventId, tenant, crossing), [.. webhooks], now);

    /// <summary>As above, for any alert.</summary>
    public static async Task AddAsync(LedgerTransaction transaction, AlertFact fact, IReadOnlyCollection<string> named, DateTimeOffset now)
    {
        var at = now.ToUnixMicroseconds();
        var added = await transaction.ExecuteAsync("INSERT INTO outbox (kind, subject, event_id, created_at, payload) VALUES (@kind, @subject, @event, @at, '{}') ON CONFLICT (event_id) DO NOTHING",
            ("@kind", fact.EventType), ("@subject", fact.Subject), ("@event", fact.EventId), ("@at", at));
        if (added == 0) return;
        var since = await StateAsync(transaction, fact, at);
        var json = Data(fact, since);
        await transaction.ExecuteAsync("UPDATE outbox SET payload = @payload WHERE event_id = @event", ("@payload", json), ("@event", fact.EventId));
        await transaction.ExecuteAsync("UPDATE alert_state SET data = @data WHERE alert_key = @key", ("@data", json), ("@key", fact.Key));
        var routes = await AlertRoutes.OfAsync(transaction, now);
        var silence = routes.SilenceOf(fact.Labels, now);
        await transaction.ExecuteAsync("""
            INSERT INTO alert (id, quota, tenant, at, json, alert_key, state, severity, silence) VALUES (@id, @quota, @tenant, @at, @json, @key, @state, @severity, @silence) ON CONFLICT (id) DO NOTHING
            """, ("@id", fact.EventId), ("@quota", fact.EventType == CloudEvent.QuotaCrossedType ? fact.Subject : ""), ("@tenant", fact.Tenant), ("@at", at), ("@json", json), ("@key", fact.Key),
            ("@state", fact.State), ("@severity", fact.Severity), ("@silence", silence?.Id));
        if (fact.State == AlertFact.Pending) return;
        byte[]? body = null;
        foreach (var (endpoint, settings) in routes.Of(named, fact.Labels))
        {
            body ??= CloudEvent.Write(fact.EventId, Source, fact.EventType, fact.Subject, now, data => fact.Data(data, UnixTime.FromMicroseconds(since)));
            await Notifications.TellAsync(transaction, endpoint, settings, fact, silence, body, now);
        }
    }

    /// <summary>Records any other event and its deliveries; one that is recorded already changes nothing.</summary>
    public static async Task AddEventAsync(LedgerTransaction transaction, string eventId, string type, string subject, IEnumerable<string> webhooks, DateTimeOffset now, Action<Utf8JsonWriter> data)
    {
        var body = CloudEvent.Write(eventId, Source, type, subject, now, data);
        foreach (var webhook in webhooks) await DeliverAsync(transaction, webhook, eventId, body, now);
    }

    /// <summary>One event for one endpoint; given twice, it is recorded once.</summary>
    /// <param name="isResend">It says again what was said, and need not be kept.</param>
    public static async Task DeliverAsync(LedgerTransaction transaction, string webhook, string eventId, byte[] body, DateTimeOffset now, bool isResend = false)
    {
        await transaction.ExecuteAsync("""
            INSERT INTO delivery (webhook, event_id, body, created_at, state, attempts, next_attempt_at, resend) VALUES (@webhook, @event, @body, @at, 'pending', 0, @at, @resend)
            ON CONFLICT (webhook, event_id) DO NOTHING
            """, ("@webhook", webhook), ("@event", eventId), ("@body", body), ("@at", now.ToUnixMicroseconds()), ("@resend", isResend ? 1L : 0L));
        transaction.Store.OutboxWritten?.Invoke();
    }

    /// <summary>A test event for one webhook.</summary>
    public static byte[] Test(string eventId, DateTimeOffset now) =>
        CloudEvent.Write(eventId, Source, CloudEvent.TestType, "test", now, data => data.WriteString("message", "A test from metering; nothing has happened."));

    // The state of the alert, and since when it has been firing: kept until it fires anew.
    private static async Task<long> StateAsync(LedgerTransaction transaction, AlertFact fact, long at) => await transaction.ScalarAsync(transaction.Command("""
        INSERT INTO alert_state (alert_key, event_id, event_type, subject, state, severity, tenant, labels, started_at, changed_at, data)
        VALUES (@key, @event, @type, @subject, @state, @severity, @tenant, @labels, @at, @at, '{}')
        ON CONFLICT (alert_key) DO UPDATE SET event_id = excluded.event_id, event_type = excluded.event_type, subject = excluded.subject, severity = excluded.severity, tenant = excluded.tenant,
            labels = excluded.labels, changed_at = excluded.changed_at,
            started_at = CASE WHEN excluded.state <> alert_state.state AND excluded.state <> 'resolved' THEN excluded.started_at ELSE alert_state.started_at END, state = excluded.state
        RETURNING started_at
        """, ("@key", fact.Key), ("@event", fact.EventId), ("@type", fact.EventType), ("@subject", fact.Subject), ("@state", fact.State), ("@severity", fact.Severity), ("@tenant", fact.Tenant),
        ("@labels", JsonSerializer.Serialize(fact.Labels, LedgerJson.Options)), ("@at", at))) ?? at;

    private static string Data(AlertFact fact, long since)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            fact.Data(writer, UnixTime.FromMicroseconds(since));
            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }
}
