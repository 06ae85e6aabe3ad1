using System.Diagnostics.Metrics;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Alerts;

/// <summary>
/// Sends what the outbox holds. Every webhook is served by itself, oldest event first, so that one that hangs delays nobody else.
/// A process that dies between sending and noting sends again, with the same id.
/// </summary>
internal sealed partial class WebhookDispatcher(LedgerStore store, WebhookSender sender, AddressPolicy policy, RetrySchedule schedule, TimeProvider clock, ILogger<WebhookDispatcher> log)
    : BackgroundService, IUsageListener
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AfterTrouble = TimeSpan.FromSeconds(10);
    private const int MaxPerRound = 100;
    private static readonly Meter Meter = new("Metering.Alerts");
    private static readonly Counter<long> Attempts = Meter.CreateCounter<long>("metering_webhook_attempts", unit: null, description: "Attempts to deliver, by outcome.");

    private readonly SemaphoreSlim _wake = new(0, 1);

    /// <summary>There may be something new to send.</summary>
    public void Wake()
    {
        if (_wake.CurrentCount == 0) _wake.Release();
    }

    // Usage was added, so a crossing may follow with the commit.
    Task IUsageListener.UsageAddedAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows, LedgerSnapshot snapshot, DateTimeOffset now)
    {
        Wake();
        return Task.CompletedTask;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var busy = new Dictionary<string, Task>(StringComparer.Ordinal);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                foreach (var done in busy.Where(pair => pair.Value.IsCompleted).Select(pair => pair.Key).ToArray()) busy.Remove(done);
                foreach (var webhook in await DueAsync(stoppingToken))
                {
                    if (!busy.ContainsKey(webhook.Id)) busy[webhook.Id] = ServeAsync(webhook, stoppingToken);
                }

                await _wake.WaitAsync(Look, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                LogTrouble(log, e.Message);
                await Task.Delay(AfterTrouble, clock, stoppingToken).ContinueWith(static _ => { }, TaskScheduler.Default);
            }
        }

        await Task.WhenAll(busy.Values).ContinueWith(static _ => { }, TaskScheduler.Default);
    }

    private async Task<List<Webhook>> DueAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow().ToUnixMicroseconds();
        await using var context = await store.ReadContextAsync(cancel);
        var due = context.Set<Delivery>().Where(delivery => delivery.State == Delivery.Pending && delivery.NextAttemptAt <= now).Select(delivery => delivery.Webhook);
        return await context.Set<Webhook>().AsNoTracking().Where(webhook => webhook.Disabled == null && due.Contains(webhook.Id)).ToListAsync(cancel);
    }

    private async Task ServeAsync(Webhook webhook, CancellationToken cancel)
    {
        try
        {
            List<Delivery> due;
            var now = clock.GetUtcNow().ToUnixMicroseconds();
            await using (var context = await store.ReadContextAsync(cancel))
            {
                // Index delivery_due.
                due = await context.Set<Delivery>().AsNoTracking().Where(delivery => delivery.Webhook == webhook.Id && delivery.State == Delivery.Pending && delivery.NextAttemptAt <= now)
                    .OrderBy(delivery => delivery.Id).Take(MaxPerRound).ToListAsync(cancel);
            }

            foreach (var delivery in due)
            {
                // A failure holds back what comes after it, so that events arrive in order.
                if (!await SendAsync(webhook, delivery, cancel)) return;
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Stopping; what was not noted is sent again.
        }
        catch (Exception e)
        {
            LogTrouble(log, e.Message);
        }
    }

    private async Task<bool> SendAsync(Webhook webhook, Delivery delivery, CancellationToken cancel)
    {
        if (!WebhookUrl.TryParse(webhook.Url, policy, out var url, out var faults) || !WebhookSecret.TryParse(webhook.Secret, out var secret, out _))
        {
            await NoteAsync(delivery, Delivery.Dead, null, string.Join(" ", faults), null, null, cancel);
            return true;
        }

        var result = await sender.SendAsync(new WebhookMessage { Url = url, Id = delivery.EventId, Body = delivery.Body, Secrets = [secret] }, cancel);
        Attempts.Add(1, new KeyValuePair<string, object?>("outcome", result.Outcome.ToString().ToLowerInvariant()));
        var delivered = result.Outcome == WebhookOutcome.Delivered;
        var next = delivered ? null : schedule.Next(delivery.Attempts + 1, result.RetryAfter);
        var state = delivered ? Delivery.Delivered : next is null ? Delivery.Dead : Delivery.Pending;
        await NoteAsync(delivery, state, result.Status, delivered ? null : result.Reason, next, result.Outcome == WebhookOutcome.Disable ? webhook.Id : null, cancel);
        return delivered;
    }

    private Task NoteAsync(Delivery delivery, string state, int? status, string? error, TimeSpan? next, string? disable, CancellationToken cancel) => store.WriteAsync(async transaction =>
    {
        var at = (clock.GetUtcNow() + (next ?? TimeSpan.Zero)).ToUnixMicroseconds();
        await transaction.ExecuteAsync("UPDATE delivery SET state = @state, attempts = attempts + 1, next_attempt_at = @next, last_status = @status, last_error = @error WHERE id = @id",
            ("@state", state), ("@next", at), ("@status", status is { } code ? (long)code : null), ("@error", error), ("@id", delivery.Id));
        if (disable is not null) await transaction.ExecuteAsync("UPDATE webhook SET disabled = @why WHERE id = @id", ("@why", "The receiver answered 410 Gone."), ("@id", disable));
    }, cancel);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Deliveries wait: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);
}
