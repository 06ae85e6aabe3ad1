using Metering.Service.Alerts.Channels;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Alerts.Routing;

/// <summary>
/// Table <c>notification</c>: what each endpoint was told of each alert, and when it is to hear of it next. An alert that nobody was told of resolves in silence; one that was told of is
/// resolved for everyone who heard of it, whatever is silenced meanwhile.
/// </summary>
internal static class Notifications
{
    private static readonly TimeSpan DefaultGroupWait = TimeSpan.FromSeconds(10);

    /// <summary>Tells one endpoint of a change, at once or when its group or a silence lets it.</summary>
    /// <param name="body">The CloudEvent.</param>
    public static async Task TellAsync(LedgerTransaction transaction, string endpoint, EndpointSettings settings, AlertFact fact, Silence? silence, byte[] body, DateTimeOffset now)
    {
        var lockRow = transaction.Store.IsPostgres ? " FOR UPDATE" : "";
        var told = (string?)await transaction.Command("SELECT told FROM notification WHERE webhook = @webhook AND alert_key = @key" + lockRow, ("@webhook", endpoint), ("@key", fact.Key)).ExecuteScalarAsync();
        var group = GroupOf(settings, fact.Labels);
        if (fact.State == AlertFact.Resolved)
        {
            if (told != AlertFact.Firing || !settings.SendResolved) await ForgetAsync(transaction, endpoint, fact.Key);
            else if (IsGrouped(settings)) await NoteAsync(transaction, endpoint, fact.Key, group, told, await GroupDueAsync(transaction, endpoint, group, settings, now), isSilenced: false);
            else
            {
                await Outbox.DeliverAsync(transaction, endpoint, fact.EventId, body, now);
                await ForgetAsync(transaction, endpoint, fact.Key);
            }

            return;
        }

        if (silence is not null) await NoteAsync(transaction, endpoint, fact.Key, group, told ?? "", silence.EndsAt, isSilenced: true);
        else if (IsGrouped(settings)) await NoteAsync(transaction, endpoint, fact.Key, group, told ?? "", await GroupDueAsync(transaction, endpoint, group, settings, now), isSilenced: false);
        else
        {
            await Outbox.DeliverAsync(transaction, endpoint, fact.EventId, body, now);
            await NoteAsync(transaction, endpoint, fact.Key, group, AlertFact.Firing, Next(settings, now), isSilenced: false);
        }
    }

    /// <summary>When an endpoint hears again of an alert that goes on; null: never.</summary>
    public static DateTimeOffset? Next(EndpointSettings settings, DateTimeOffset now)
    {
        if (settings.Channel == AlertmanagerChannel.ChannelName)
        {
            // On the full step, so that all alerts of an endpoint go in one request.
            var step = AlertmanagerChannel.ResendEvery.Ticks;
            return new DateTimeOffset((now.UtcTicks / step + 1) * step, TimeSpan.Zero);
        }

        return Duration.TryParse(settings.Repeat, out var repeat) ? now + repeat : null;
    }

    public static Task NoteAsync(LedgerTransaction transaction, string endpoint, string key, string group, string told, DateTimeOffset? due, bool isSilenced) => transaction.ExecuteAsync("""
        INSERT INTO notification (webhook, alert_key, group_key, told, due_at, silenced) VALUES (@webhook, @key, @group, @told, @due, @silenced)
        ON CONFLICT (webhook, alert_key) DO UPDATE SET group_key = excluded.group_key, told = excluded.told, due_at = excluded.due_at, silenced = excluded.silenced
        """, ("@webhook", endpoint), ("@key", key), ("@group", group), ("@told", told), ("@due", due?.ToUnixMicroseconds()), ("@silenced", isSilenced ? 1L : 0L));

    public static Task ForgetAsync(LedgerTransaction transaction, string endpoint, string key) =>
        transaction.ExecuteAsync("DELETE FROM notification WHERE webhook = @webhook AND alert_key = @key", ("@webhook", endpoint), ("@key", key));

    private static bool IsGrouped(EndpointSettings settings) => settings.GroupBy is { Count: > 0 } || settings.GroupWait is not null;

    private static string GroupOf(EndpointSettings settings, IReadOnlyDictionary<string, string> labels) =>
        settings.GroupBy is { Count: > 0 } names ? string.Join(", ", names.Select(name => $"{name}={labels.GetValueOrDefault(name, "")}")) : "";

    // Whoever comes first starts the wait; all others of the group go with it.
    private static async Task<DateTimeOffset> GroupDueAsync(LedgerTransaction transaction, string endpoint, string group, EndpointSettings settings, DateTimeOffset now)
    {
        var wait = Duration.TryParse(settings.GroupWait, out var given) ? given : DefaultGroupWait;
        var latest = now + wait;
        var first = await transaction.ScalarAsync(transaction.Command(
            "SELECT MIN(due_at) FROM notification WHERE webhook = @webhook AND group_key = @group AND silenced = 0 AND due_at <= @latest",
            ("@webhook", endpoint), ("@group", group), ("@latest", latest.ToUnixMicroseconds())));
        return first is { } due ? UnixTime.FromMicroseconds(due) : latest;
    }
}
