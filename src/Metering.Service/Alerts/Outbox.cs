using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Alerts;

/// <summary>Records an event and one delivery per webhook, in the transaction that saw it: what is committed is sent, what is rolled back never was.</summary>
internal static class Outbox
{
    private const string Source = "/metering";

    public static async Task AddAsync(LedgerTransaction transaction, string eventId, string? tenant, QuotaCrossed crossing, IEnumerable<string> webhooks, DateTimeOffset now)
    {
        var at = now.ToUnixMicroseconds();
        var json = Data(crossing);
        var added = await transaction.ExecuteAsync("INSERT INTO outbox (kind, subject, event_id, created_at, payload) VALUES (@kind, @subject, @event, @at, @payload) ON CONFLICT (event_id) DO NOTHING",
            ("@kind", CloudEvent.QuotaCrossedType), ("@subject", crossing.Quota), ("@event", eventId), ("@at", at), ("@payload", json));
        if (added == 0) return;
        await transaction.ExecuteAsync("INSERT INTO alert (id, quota, tenant, at, json) VALUES (@id, @quota, @tenant, @at, @json) ON CONFLICT (id) DO NOTHING",
            ("@id", eventId), ("@quota", crossing.Quota), ("@tenant", tenant), ("@at", at), ("@json", json));
        foreach (var webhook in webhooks)
        {
            await transaction.ExecuteAsync("""
                INSERT INTO delivery (webhook, event_id, body, created_at, state, attempts, next_attempt_at) VALUES (@webhook, @event, @body, @at, 'pending', 0, @at) ON CONFLICT (webhook, event_id) DO NOTHING
                """, ("@webhook", webhook), ("@event", eventId), ("@body", CloudEvent.Write(eventId, Source, now, crossing)), ("@at", at));
        }
    }

    /// <summary>Records any other event and its deliveries; one that is recorded already changes nothing.</summary>
    public static async Task AddEventAsync(LedgerTransaction transaction, string eventId, string type, string subject, IEnumerable<string> webhooks, DateTimeOffset now, Action<Utf8JsonWriter> data)
    {
        var body = CloudEvent.Write(eventId, Source, type, subject, now, data);
        foreach (var webhook in webhooks)
        {
            await transaction.ExecuteAsync("""
                INSERT INTO delivery (webhook, event_id, body, created_at, state, attempts, next_attempt_at) VALUES (@webhook, @event, @body, @at, 'pending', 0, @at) ON CONFLICT (webhook, event_id) DO NOTHING
                """, ("@webhook", webhook), ("@event", eventId), ("@body", body), ("@at", now.ToUnixMicroseconds()));
        }
    }

    /// <summary>A test event for one webhook.</summary>
    public static byte[] Test(string eventId, DateTimeOffset now) =>
        CloudEvent.Write(eventId, Source, "metering.webhook.test", "test", now, data => data.WriteString("message", "A test from metering; nothing has happened."));

    private static string Data(QuotaCrossed crossing)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            CloudEvent.WriteData(writer, crossing);
            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }
}
