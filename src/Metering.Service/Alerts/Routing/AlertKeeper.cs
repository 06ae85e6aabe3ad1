using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Metering.Service.Alerts.Channels;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Units;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Alerts.Routing;

/// <summary>What alerts do by the clock: groups that have waited, alerts that are told again, silences that end; and old deliveries are forgotten. One replica at a time does it.</summary>
internal sealed partial class AlertKeeper(LedgerStore store, WebhookDispatcher dispatcher, AlertsOptions options, TimeProvider clock, ILogger<AlertKeeper> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PruneEvery = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan KeepResends = TimeSpan.FromHours(1);

    // As many as fit into one event with room for its head.
    private const int MaxDataBytes = CloudEvent.MaxBytes - 1_000;
    private const int MaxPerRun = 1_000;

    private sealed record Due(string Webhook, string Key, string Group, string Told, string EventId, string EventType, string Subject, string State, string Labels, long ChangedAt, string Data, bool IsBusy);

    private readonly EndpointLocks _locks = new(store);
    private DateTimeOffset _pruned = DateTimeOffset.MinValue;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await RunAsync(stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogTrouble(log, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; what is due is done after the next start.
        }

        await _locks.DisposeAsync();
    }

    /// <summary>Does all that is due.</summary>
    internal async Task RunAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (now - _pruned >= PruneEvery)
        {
            await PruneAsync(now, cancel);
            _pruned = now;
        }

        if (!await IsAnyDueAsync(now, cancel) || await _locks.TryTakeAsync("keeper", cancel) is null) return;
        try
        {
            await store.WriteAsync(transaction => TellAsync(transaction, now), cancel);
        }
        finally
        {
            await _locks.ReleaseAsync("keeper");
        }

        dispatcher.Wake();
    }

    private async Task<bool> IsAnyDueAsync(DateTimeOffset now, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, "SELECT 1 FROM notification n JOIN webhook w ON w.id = n.webhook WHERE n.due_at <= @now AND w.disabled IS NULL LIMIT 1", ("@now", now.ToUnixMicroseconds()));
        return await command.ExecuteScalarAsync(cancel) is not null;
    }

    private static async Task TellAsync(LedgerTransaction transaction, DateTimeOffset now)
    {
        var routes = await AlertRoutes.OfAsync(transaction, now);
        foreach (var group in (await DueAsync(transaction, now)).GroupBy(due => (due.Webhook, due.Group)))
        {
            if (routes.Find(group.Key.Webhook) is not { } settings) continue;
            var said = new List<Due>();
            foreach (var due in group)
            {
                var silence = due.State == AlertFact.Firing ? routes.SilenceOf(JsonSerializer.Deserialize<Dictionary<string, string>>(due.Labels, LedgerJson.Options)!, now) : null;
                if (silence is not null) await Notifications.NoteAsync(transaction, due.Webhook, due.Key, due.Group, due.Told, silence.EndsAt, isSilenced: true);

                // Told again is worth nothing while the endpoint takes nothing.
                else if (due is { State: AlertFact.Firing, Told: AlertFact.Firing, IsBusy: true }) await Notifications.NoteAsync(transaction, due.Webhook, due.Key, due.Group, due.Told, Notifications.Next(settings, now), isSilenced: false);
                else if (due.State == AlertFact.Firing || (due.State == AlertFact.Resolved && due.Told == AlertFact.Firing && settings.SendResolved)) said.Add(due);
                else await Notifications.ForgetAsync(transaction, due.Webhook, due.Key);
            }

            await SayAsync(transaction, group.Key.Webhook, settings, said, now);
        }
    }

    private static async Task SayAsync(LedgerTransaction transaction, string webhook, EndpointSettings settings, List<Due> said, DateTimeOffset now)
    {
        var isResend = settings.Channel == AlertmanagerChannel.ChannelName && said.TrueForAll(due => due.Told == AlertFact.Firing && due.State == AlertFact.Firing);
        for (var from = 0; from < said.Count;)
        {
            // PagerDuty's events speak of one alert each.
            var count = 1;
            for (var bytes = Bytes(said[from]); settings.Channel != "pagerduty" && from + count < said.Count && (bytes += Bytes(said[from + count])) <= MaxDataBytes;) count++;
            var part = said.GetRange(from, count);
            from += count;
            var id = count > 1 || part[0].Told == part[0].State ? string.Create(CultureInfo.InvariantCulture, $"{(count > 1 ? "grp" : part[0].EventId)}_{Guid.CreateVersion7(now):N}") : part[0].EventId;
            var body = count == 1 ? CloudEvent.Write(id, Outbox.Source, part[0].EventType, part[0].Subject, UnixTime.FromMicroseconds(part[0].ChangedAt), data => WriteMembers(data, part[0].Data))
                : CloudEvent.Write(id, Outbox.Source, CloudEvent.AlertsType, part[0].Group.Length > 0 ? part[0].Group : webhook, now, data => WriteAll(data, part));
            await Outbox.DeliverAsync(transaction, webhook, id, body, now, isResend);
        }

        foreach (var due in said)
        {
            if (due.State == AlertFact.Resolved) await Notifications.ForgetAsync(transaction, webhook, due.Key);
            else await Notifications.NoteAsync(transaction, webhook, due.Key, due.Group, AlertFact.Firing, Notifications.Next(settings, now), isSilenced: false);
        }
    }

    private static int Bytes(Due due) => 2 * due.Data.Length + 300;

    private static void WriteMembers(Utf8JsonWriter data, string json)
    {
        foreach (var member in JsonSerializer.Deserialize<JsonElement>(json).EnumerateObject()) member.WriteTo(data);
    }

    private static void WriteAll(Utf8JsonWriter data, List<Due> part)
    {
        data.WriteString("group", part[0].Group);
        data.WriteStartArray("alerts");
        foreach (var due in part)
        {
            data.WriteStartObject();
            data.WriteString("id", due.EventId);
            data.WriteString("type", due.EventType);
            data.WriteString("subject", due.Subject);
            data.WriteString("time", UnixTime.FromMicroseconds(due.ChangedAt).UtcDateTime);
            data.WriteStartObject("data");
            WriteMembers(data, due.Data);
            data.WriteEndObject();
            data.WriteEndObject();
        }

        data.WriteEndArray();
    }

    // Index notification_due. Locked, so that a change of state that comes meanwhile waits and sees what was told; what such a change holds comes with the next run, so that ingest never waits for this in a circle.
    private static async Task<List<Due>> DueAsync(LedgerTransaction transaction, DateTimeOffset now)
    {
        var command = transaction.Command($"""
            SELECT n.webhook, n.alert_key, n.group_key, n.told, s.event_id, s.event_type, s.subject, s.state, s.labels, s.changed_at, s.data,
                CASE WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.webhook = n.webhook AND d.state = 'pending') THEN 1 ELSE 0 END
            FROM notification n JOIN alert_state s ON s.alert_key = n.alert_key JOIN webhook w ON w.id = n.webhook
            WHERE n.due_at <= @now AND w.disabled IS NULL ORDER BY n.webhook, n.group_key, s.changed_at, n.alert_key LIMIT {MaxPerRun}{(transaction.Store.IsPostgres ? " FOR UPDATE OF n SKIP LOCKED" : "")}
            """, ("@now", now.ToUnixMicroseconds()));
        var found = new List<Due>();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            found.Add(new Due(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4), rows.GetString(5), rows.GetString(6), rows.GetString(7), rows.GetString(8), rows.GetInt64(9),
                rows.GetString(10), Convert.ToInt64(((DbDataReader)rows)[11], CultureInfo.InvariantCulture) == 1));
        }

        return found;
    }

    private Task PruneAsync(DateTimeOffset now, CancellationToken cancel) => store.WriteAsync(async transaction =>
    {
        var (old, resends) = ((now - options.Keep).ToUnixMicroseconds(), (now - KeepResends).ToUnixMicroseconds());
        await transaction.ExecuteAsync("DELETE FROM delivery WHERE state <> 'pending' AND (created_at < @old OR (resend = 1 AND created_at < @resends))", ("@old", old), ("@resends", resends));

        // What a disabled endpoint has not taken for so long nobody wants any more.
        await transaction.ExecuteAsync("UPDATE delivery SET state = 'dead', last_error = 'The endpoint was disabled for too long.' WHERE state = 'pending' AND created_at < @old AND webhook IN (SELECT id FROM webhook WHERE disabled IS NOT NULL)", ("@old", old));
        await transaction.ExecuteAsync("DELETE FROM delivery_attempt WHERE NOT EXISTS (SELECT 1 FROM delivery d WHERE d.id = delivery_attempt.delivery)");
        await transaction.ExecuteAsync("DELETE FROM silence WHERE ends_at < @old", ("@old", old));
    }, cancel);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Alerts wait: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);
}
