using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Units;

namespace Metering.Service.Ui;

/// <summary>Reads what the page of alerts shows.</summary>
internal sealed class AlertsFeed(AlertBook book, LedgerStore store, TimeProvider clock)
{
    private const int MaxAlerts = 500;

    public async Task<AlertsView> ReadAsync(Caller caller, CancellationToken cancel)
    {
        var alerts = (await book.CurrentAsync(caller, null, MaxAlerts, cancel)).ConvertAll(alert => new AlertLine(alert));
        var isAdmin = caller.Role == Roles.Admin;
        return new AlertsView(clock.GetUtcNow(), alerts, isAdmin ? await EndpointsAsync(cancel) : [], isAdmin ? await book.SilencesAsync(cancel) : []);
    }

    private async Task<List<EndpointLine>> EndpointsAsync(CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, """
            SELECT w.id, w.channel, w.url, w.disabled, w.failing_since, (SELECT COUNT(*) FROM delivery d WHERE d.webhook = w.id AND d.state = 'pending'), (SELECT COUNT(*) FROM delivery d WHERE d.webhook = w.id AND d.state = 'dead')
            FROM webhook w ORDER BY w.id
            """);
        var found = new List<EndpointLine>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            found.Add(new EndpointLine(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.IsDBNull(3) ? null : rows.GetString(3), rows.IsDBNull(4) ? null : UnixTime.FromMicroseconds(rows.GetInt64(4)), rows.GetInt64(5), rows.GetInt64(6)));
        }

        return found;
    }
}
