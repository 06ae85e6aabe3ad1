using System.Diagnostics.Metrics;
using Metering.Service.Alerts.Channels;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Alerts;

/// <summary>
/// Sends what the outbox holds. Every endpoint is served by itself, by one replica, oldest event first, so that one that hangs delays nobody else.
/// A process that dies between sending and noting sends again, with the same id.
/// </summary>
internal sealed partial class WebhookDispatcher(LedgerStore store, ChannelCatalogue channels, RetrySchedule schedule, TimeProvider clock, ILogger<WebhookDispatcher> log)
    : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    // What was written is about to be committed: looked for often, for a while.
    private static readonly TimeSpan LookSoon = TimeSpan.FromMilliseconds(25);
    private const int LooksSoon = 40;
    private static readonly TimeSpan AfterTrouble = TimeSpan.FromSeconds(10);
    private const int MaxPerRound = 100;
    private static readonly Meter Meter = new("Metering.Alerts");
    private static readonly Counter<long> Attempts = Meter.CreateCounter<long>("metering_webhook_attempts", unit: null, description: "Attempts to deliver, by channel and outcome.");

    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly EndpointLocks _locks = new(store);
    private readonly DeliveryLog _notes = new(store, clock);

    /// <summary>Called at named moments with the id of the event; tests crash there.</summary>
    internal Action<string, string>? FaultPoint { get; set; }

    /// <summary>There may be something new to send.</summary>
    public void Wake()
    {
        lock (_wake)
        {
            if (_wake.CurrentCount == 0) _wake.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var busy = new Dictionary<string, Task>(StringComparer.Ordinal);
        var soon = 0;
        store.OutboxWritten += Wake;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await StartDueAsync(busy, stoppingToken);
                soon = await _wake.WaitAsync(soon > 0 ? LookSoon : Look, stoppingToken) ? LooksSoon : Math.Max(0, soon - 1);
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

        store.OutboxWritten -= Wake;
        await Task.WhenAll(busy.Values).ContinueWith(static _ => { }, TaskScheduler.Default);
        await _locks.DisposeAsync();
    }

    /// <summary>Sends all that is due now, and returns when it is done.</summary>
    internal async Task RunDueAsync(CancellationToken cancel)
    {
        var busy = new Dictionary<string, Task>(StringComparer.Ordinal);
        await StartDueAsync(busy, cancel);
        await Task.WhenAll(busy.Values);
    }

    private async Task StartDueAsync(Dictionary<string, Task> busy, CancellationToken cancel)
    {
        foreach (var done in busy.Where(pair => pair.Value.IsCompleted).Select(pair => pair.Key).ToArray()) busy.Remove(done);
        foreach (var webhook in await DueAsync(cancel))
        {
            if (!busy.ContainsKey(webhook.Id)) busy[webhook.Id] = ServeAsync(webhook, cancel);
        }
    }

    // Where order matters, what comes first has to be due; index delivery_queue. Else anything: index delivery_due.
    private async Task<List<Webhook>> DueAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow().ToUnixMicroseconds();
        await using var context = await store.ReadContextAsync(cancel);
        return await context.Set<Webhook>().FromSqlRaw("""
            SELECT * FROM webhook w WHERE w.disabled IS NULL AND (
                (w.ordered = 1 AND (SELECT d.next_attempt_at FROM delivery d WHERE d.webhook = w.id AND d.state = 'pending' ORDER BY d.id LIMIT 1) <= {0})
             OR (w.ordered = 0 AND EXISTS (SELECT 1 FROM delivery d WHERE d.webhook = w.id AND d.state = 'pending' AND d.next_attempt_at <= {0})))
            """, now).AsNoTracking().ToListAsync(cancel);
    }

    private async Task ServeAsync(Webhook webhook, CancellationToken cancel)
    {
        var name = "endpoint " + webhook.Id;
        object? hold = null;
        try
        {
            hold = await _locks.TryTakeAsync(name, cancel);
            if (hold is null || channels.Find(webhook.Channel) is not { } channel) return;
            while (await QueueAsync(webhook, cancel) is { Count: > 0 } queue)
            {
                foreach (var delivery in queue)
                {
                    if (!await _locks.HoldsAsync(hold, cancel)) return;

                    // A failure holds back what comes after it, so that events arrive in order.
                    if (!await SendAsync(webhook, channel, delivery, cancel) && webhook.Ordered == 1) return;
                }
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
        finally
        {
            if (hold is not null) await _locks.ReleaseAsync(name);
        }
    }

    // Read under the lock: what another replica has sent before is no longer pending.
    private async Task<List<Delivery>> QueueAsync(Webhook webhook, CancellationToken cancel)
    {
        var now = clock.GetUtcNow().ToUnixMicroseconds();
        await using var context = await store.ReadContextAsync(cancel);
        var pending = context.Set<Delivery>().AsNoTracking().Where(delivery => delivery.Webhook == webhook.Id && delivery.State == Delivery.Pending);
        if (webhook.Ordered == 0) return await pending.Where(delivery => delivery.NextAttemptAt <= now).OrderBy(delivery => delivery.Id).Take(MaxPerRound).ToListAsync(cancel);
        var queue = await pending.OrderBy(delivery => delivery.Id).Take(MaxPerRound).ToListAsync(cancel);
        return [.. queue.TakeWhile(delivery => delivery.NextAttemptAt <= now)];
    }

    /// <summary>True: what comes after it may be sent.</summary>
    private async Task<bool> SendAsync(Webhook webhook, IChannel channel, Delivery delivery, CancellationToken cancel)
    {
        WebhookResult result;
        try
        {
            var target = new ChannelTarget(webhook.Id, webhook.ReadSettings(), webhook.Secrets(clock.GetUtcNow().ToUnixMicroseconds()));
            result = await channel.SendAsync(target, AlertMessage.Read(delivery.EventId, delivery.Body), cancel);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            // A channel that breaks its promise is seen in the log of attempts and ends by the schedule, like any other failure.
            result = WebhookResult.Without(WebhookOutcome.Failed, "The message could not be made: " + AlertItem.OneLine(HttpPost.Cut(e.Message, 200)), clock.GetUtcNow());
        }

        FaultPoint?.Invoke("sent", delivery.EventId);
        Attempts.Add(1, new KeyValuePair<string, object?>("channel", webhook.Channel), new KeyValuePair<string, object?>("outcome", result.Outcome.ToString().ToLowerInvariant()));
        var isOver = result.Outcome is WebhookOutcome.Delivered or WebhookOutcome.Refused;
        var next = isOver ? null : schedule.Next(delivery.Attempts + 1, result.RetryAfter);
        var state = result.Outcome == WebhookOutcome.Delivered ? Delivery.Delivered : next is null ? Delivery.Dead : Delivery.Pending;
        if (await _notes.AddAsync(delivery, result, state, next) is { } why) LogDisabled(log, webhook.Id, why);
        return isOver;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Deliveries wait: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Endpoint {Endpoint} is disabled: {Reason} Applying it again enables it.")]
    private static partial void LogDisabled(ILogger log, string endpoint, string reason);
}
