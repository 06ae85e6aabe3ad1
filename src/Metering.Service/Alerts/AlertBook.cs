using System.Globalization;
using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Alerts.Routing;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Units;

namespace Metering.Service.Alerts;

/// <summary>The alerts as they are now, and silences. The API and the web page use it.</summary>
internal sealed class AlertBook(LedgerStore store, TimeProvider clock)
{
    private const string SilenceColumns = "SELECT id, match, starts_at, ends_at, author, comment FROM silence";

    public async Task<List<CurrentAlert>> CurrentAsync(Caller caller, string? state, int limit, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var silences = await SilencesAsync(cancel);
        await using var connection = await store.OpenReadAsync(caller, cancel);
        await using var command = VerifyRun.Command(connection, """
            SELECT alert_key, event_id, subject, state, severity, tenant, labels, started_at, changed_at, data FROM alert_state
            WHERE (@tenant = '' OR tenant = @tenant) AND (@state = '' OR state = @state)
            ORDER BY CASE state WHEN 'firing' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END, changed_at DESC, alert_key LIMIT @limit
            """, ("@tenant", caller.Tenant ?? ""), ("@state", state ?? ""), ("@limit", (long)limit));
        var found = new List<CurrentAlert>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var labels = JsonSerializer.Deserialize<Dictionary<string, string>>(rows.GetString(6), LedgerJson.Options)!;
            found.Add(new CurrentAlert(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4), rows.IsDBNull(5) ? null : rows.GetString(5), labels,
                UnixTime.FromMicroseconds(rows.GetInt64(7)), UnixTime.FromMicroseconds(rows.GetInt64(8)), silences.FirstOrDefault(silence => silence.IsActive(now) && silence.Matches(labels))?.Id,
                JsonSerializer.Deserialize<JsonElement>(rows.GetString(9))));
        }

        return found;
    }

    /// <summary>Silences that hold or will hold, and those that ended in the last days, newest first.</summary>
    public async Task<List<Silence>> SilencesAsync(CancellationToken cancel)
    {
        // Of these a tenant is told the id of the one that holds its alert back, and no more.
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        await using var command = VerifyRun.Command(connection, SilenceColumns + " ORDER BY ends_at DESC, id LIMIT 1000");
        return await AlertRoutes.SilencesAsync(command, cancel);
    }

    public Task<Silence> AddAsync(IReadOnlyDictionary<string, string> match, DateTimeOffset from, DateTimeOffset to, string author, string comment, ClaimsPrincipal user, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var silence = new Silence("sil_" + Guid.CreateVersion7(now).ToString("N", CultureInfo.InvariantCulture), match, from, to, author, comment);
        return store.WriteAsync(async transaction =>
        {
            await transaction.ExecuteAsync("INSERT INTO silence (id, match, starts_at, ends_at, author, comment, created_at) VALUES (@id, @match, @from, @to, @author, @comment, @now)",
                ("@id", silence.Id), ("@match", JsonSerializer.Serialize(match, LedgerJson.Options)), ("@from", from.ToUnixMicroseconds()), ("@to", to.ToUnixMicroseconds()), ("@author", author), ("@comment", comment), ("@now", now.ToUnixMicroseconds()));
            await AuditTrail.AddAsync(transaction, now, user, "silence.add", silence.Id, null, AuditTrail.Text(silence));
            return silence;
        }, cancel);
    }

    /// <summary>Ends a silence now; what it held back and still fires is told at once. False: there is none that has not ended.</summary>
    public Task<bool> EndAsync(string id, ClaimsPrincipal user, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        return store.WriteAsync(async transaction =>
        {
            if (await transaction.ExecuteAsync("UPDATE silence SET ends_at = @now WHERE id = @id AND ends_at > @now", ("@now", now.ToUnixMicroseconds()), ("@id", id)) == 0) return false;
            await transaction.ExecuteAsync("UPDATE notification SET due_at = @now WHERE silenced = 1", ("@now", now.ToUnixMicroseconds()));
            await AuditTrail.AddAsync(transaction, now, user, "silence.end", id, null, null);
            return true;
        }, cancel);
    }
}
