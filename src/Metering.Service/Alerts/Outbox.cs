using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Alerts;

/// <summary>Records an event and one delivery per webhook, in the transaction that saw it: what is committed is sent, what is rolled back never was.</summary>
internal static class Outbox
{
    public const string QuotaCrossed = "metering.quota.crossed";

    public static async Task AddAsync(LedgerTransaction transaction, string eventId, string quota, string? tenant, object data, IEnumerable<string> webhooks, DateTimeOffset now)
    {
        var at = now.ToUnixMicroseconds();
        var json = JsonSerializer.Serialize(data, LedgerJson.Options);
        var added = await transaction.ExecuteAsync("INSERT INTO outbox (kind, subject, event_id, created_at, payload) VALUES (@kind, @subject, @event, @at, @payload) ON CONFLICT (event_id) DO NOTHING",
            ("@kind", QuotaCrossed), ("@subject", quota), ("@event", eventId), ("@at", at), ("@payload", json));
        if (added == 0) return;
        await transaction.ExecuteAsync("INSERT INTO alert (id, quota, tenant, at, json) VALUES (@id, @quota, @tenant, @at, @json) ON CONFLICT (id) DO NOTHING",
            ("@id", eventId), ("@quota", quota), ("@tenant", tenant), ("@at", at), ("@json", json));
        foreach (var webhook in webhooks)
        {
            await transaction.ExecuteAsync("""
                INSERT INTO delivery (webhook, event_id, body, created_at, state, attempts, next_attempt_at) VALUES (@webhook, @event, @body, @at, 'pending', 0, @at) ON CONFLICT (webhook, event_id) DO NOTHING
                """, ("@webhook", webhook), ("@event", eventId), ("@body", Body(eventId, quota, now, data)), ("@at", at));
        }
    }

    /// <summary>CloudEvents 1.0, structured JSON.</summary>
    internal static byte[] Body(string eventId, string subject, DateTimeOffset now, object data) => JsonSerializer.SerializeToUtf8Bytes(new
    {
        specversion = "1.0",
        id = eventId,
        source = "/metering",
        type = QuotaCrossed,
        subject,
        time = now,
        datacontenttype = "application/json",
        data,
    }, LedgerJson.Options);
}
