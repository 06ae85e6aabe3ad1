using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Units;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Alerts;

/// <summary>What people do with deliveries: look, send again, test. The API and the web page use it. Null everywhere: there is no such endpoint.</summary>
internal sealed class DeliveryBook(LedgerStore store, WebhookDispatcher dispatcher, TimeProvider clock)
{
    /// <summary>Newest first.</summary>
    /// <param name="since">Recorded from then on; null: from the first.</param>
    /// <param name="until">Recorded before then.</param>
    public async Task<List<DeliveryView>?> ListAsync(string id, string? state, string? before, int limit, CancellationToken cancel, DateTimeOffset? since = null, DateTimeOffset? until = null)
    {
        var (from, to) = (since?.ToUnixMicroseconds() ?? 0, until?.ToUnixMicroseconds() ?? long.MaxValue);
        await using var context = await store.ReadContextAsync(cancel);
        if (!await context.Set<Webhook>().AnyAsync(webhook => webhook.Id == id, cancel)) return null;
        var rows = context.Set<Delivery>().AsNoTracking().Where(delivery => delivery.Webhook == id && (state == null || delivery.State == state) && delivery.CreatedAt >= from && delivery.CreatedAt < to);
        if (before is not null) rows = rows.Where(delivery => delivery.Id < context.Set<Delivery>().Where(one => one.Webhook == id && one.EventId == before).Select(one => one.Id).FirstOrDefault());
        return (await rows.OrderByDescending(delivery => delivery.Id).Take(limit).ToListAsync(cancel)).ConvertAll(DeliveryView.Of);
    }

    public async Task<DeliveryDetails?> FindAsync(string id, string eventId, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        if (await context.Set<Delivery>().AsNoTracking().FirstOrDefaultAsync(one => one.Webhook == id && one.EventId == eventId, cancel) is not { } delivery) return null;
        var attempts = new List<DeliveryAttempt>();
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, "SELECT at, duration_us, outcome, status, reason, answer FROM delivery_attempt WHERE delivery = @id ORDER BY id", ("@id", delivery.Id));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            attempts.Add(new DeliveryAttempt(UnixTime.FromMicroseconds(rows.GetInt64(0)), rows.GetInt64(1) / 1_000_000m, rows.GetString(2), rows.IsDBNull(3) ? null : (int)rows.GetInt64(3), rows.GetString(4), rows.GetString(5)));
        }

        return new DeliveryDetails(DeliveryView.Of(delivery), attempts, JsonSerializer.Deserialize<JsonElement>(delivery.Body));
    }

    /// <summary>Sends again what is delivered or dead, in the order in which it was recorded; the attempts begin anew, their log goes on.</summary>
    public async Task<int?> RedeliverAsync(string id, string? eventId, DateTimeOffset? since, DateTimeOffset? until, ClaimsPrincipal who, CancellationToken cancel)
    {
        if (!await ExistsAsync(id, cancel)) return null;
        var now = clock.GetUtcNow();
        var again = await store.WriteAsync(async transaction =>
        {
            var rows = await transaction.ExecuteAsync("""
            UPDATE delivery SET state = 'pending', attempts = 0, next_attempt_at = @now
            WHERE webhook = @id AND state <> 'pending' AND resend = 0 AND (@event = '' OR event_id = @event) AND created_at >= @since AND created_at < @until
            """, ("@now", now.ToUnixMicroseconds()), ("@id", id), ("@event", eventId ?? ""), ("@since", since?.ToUnixMicroseconds() ?? 0), ("@until", until?.ToUnixMicroseconds() ?? long.MaxValue));
            await AuditTrail.AddAsync(transaction, now, who, "webhook.redeliver", id, null, AuditTrail.Text(new { eventId, since, until, redelivered = rows }));
            return rows;
        }, cancel);
        dispatcher.Wake();
        return again;
    }

    public async Task<DeliveryView?> TestAsync(string id, ClaimsPrincipal who, CancellationToken cancel)
    {
        if (!await ExistsAsync(id, cancel)) return null;
        var now = clock.GetUtcNow();
        var eventId = "test_" + Guid.CreateVersion7(now).ToString("N");
        await store.WriteAsync(async transaction =>
        {
            await Outbox.DeliverAsync(transaction, id, eventId, Outbox.Test(eventId, now), now);
            await AuditTrail.AddAsync(transaction, now, who, "webhook.test", id, null, AuditTrail.Text(new { eventId }));
        }, cancel);
        dispatcher.Wake();
        return new DeliveryView(eventId, Delivery.Pending, 0, now, now, null, null);
    }

    private async Task<bool> ExistsAsync(string id, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return await context.Set<Webhook>().AnyAsync(webhook => webhook.Id == id, cancel);
    }
}
