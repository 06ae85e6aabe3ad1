using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Metering.Service.Alerts;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Quotas;

/// <summary>
/// Keeps states, history and alerts of quotas. A quota's row of <c>quota_clock</c> is its lock and has the number of its last transition: states, history and outbox change with it in one transaction,
/// so that each transition has one number, is recorded once and sent once.
/// </summary>
internal static class QuotaLedger
{
    private const string Columns = "quota, number, judged_to, measured, basis";

    /// <summary>Judges readings in their order. Returns the number of transitions.</summary>
    /// <param name="isEnding">The quota is removed or measures something else now: all that is firing is resolved.</param>
    public static async Task<int> JudgeAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, CompiledQuota quota, IReadOnlyList<QuotaReading> readings, DateTimeOffset now, bool isEnding = false)
    {
        var clock = await EnterAsync(transaction, quota, now);
        var states = new QuotaStateSet(await StatesAsync(transaction, quota.Id));
        var done = new List<QuotaTransition>();
        if (isEnding) readings = [readings[^1] with { Value = await LastValueAsync(transaction, quota.Id) }];
        if (readings.Count > 0) done.AddRange(QuotaJudge.End(isEnding ? [] : quota.Thresholds, readings[^1], states));
        foreach (var reading in isEnding ? [] : readings) done.AddRange(QuotaJudge.Decide(quota, reading, states, now.ToUnixTimeSeconds()));
        await SaveAsync(transaction, quota, states);
        for (var i = 0; i < done.Count; i++) await RecordAsync(transaction, catalogue, quota, done[i], clock.Number + 1 + i, now);
        if (done.Count > 0) await transaction.ExecuteAsync("UPDATE quota_clock SET number = @number WHERE quota = @quota", ("@number", clock.Number + done.Count), ("@quota", quota.Id));
        if (done.Count == 0) return 0;
        transaction.MovedEnforcement |= quota.Document.Enforce is not null;
        transaction.Store.QuotaMoved?.Invoke();
        return done.Count;
    }

    /// <summary>Locks the quota until the transaction ends; a new one begins now.</summary>
    public static async Task<QuotaClockRow> EnterAsync(LedgerTransaction transaction, CompiledQuota quota, DateTimeOffset now)
    {
        var command = transaction.Command($"""
            INSERT INTO quota_clock (quota, number, since, judged_to, measured, basis) VALUES (@quota, 0, @now, @now, @measured, '')
            ON CONFLICT (quota) DO UPDATE SET number = quota_clock.number RETURNING {Columns}
            """, ("@quota", quota.Id), ("@now", now.ToUnixTimeSeconds()), ("@measured", quota.Measured));
        QuotaClockRow clock;
        await using (var row = await command.ExecuteReaderAsync())
        {
            await row.ReadAsync();
            clock = Clock(row);
        }

        if (clock.Number == 0) await TakeOverAsync(transaction, quota, now);
        return clock;
    }

    /// <summary>
    /// After the tenant has come to another zone: what a threshold did in a window that shares at least half of its time with the open one, it did in the open one, so that it does not fire again;
    /// its alert keeps its key.
    /// </summary>
    public static async Task MoveWindowsAsync(LedgerTransaction transaction, CompiledQuota quota, long seconds)
    {
        if (!quota.IsImmediate) return;
        var (start, end) = quota.WindowOf(seconds);
        var states = new QuotaStateSet(await StatesAsync(transaction, quota.Id));
        foreach (var state in states.All.Where(state => (state.Window != start || state.WindowEnd != end) && Math.Min(state.WindowEnd, end) - Math.Max(state.Window, start) >= (end - start) / 2).ToList())
        {
            if (state.Window != start && states.Find(start, state.Threshold) is not null) continue;
            states.Remove(state);
            states.Set(state with { Window = start, WindowEnd = end, SaidWindow = state.SaidWindow ?? state.Window });
        }

        if (states.Changed.Count > 0) await SaveAsync(transaction, quota, states);
    }

    public static async Task<Dictionary<string, QuotaClockRow>> ClocksAsync(LedgerTransaction view, CancellationToken cancel)
    {
        var found = new Dictionary<string, QuotaClockRow>(StringComparer.Ordinal);
        await using var rows = await view.Command($"SELECT {Columns} FROM quota_clock").ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) found[rows.GetString(0)] = Clock(rows);
        return found;
    }

    /// <summary>States that may still change, by quota.</summary>
    public static async Task<ILookup<string, QuotaState>> OpenStatesAsync(LedgerTransaction view, CancellationToken cancel)
    {
        var found = new List<(string Quota, QuotaState State)>();
        await using var rows = await view.Command($"SELECT quota, {StateColumns} FROM quota_state WHERE state <> 'resolved'").ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) found.Add((rows.GetString(0), State(rows, 1)));
        return found.ToLookup(pair => pair.Quota, pair => pair.State, StringComparer.Ordinal);
    }

    private const string StateColumns = "window_start, threshold, window_end, state, since, amount, said_window";

    private static async Task<List<QuotaState>> StatesAsync(LedgerTransaction transaction, string quota)
    {
        var states = new List<QuotaState>();
        await using var rows = await transaction.Command($"SELECT {StateColumns} FROM quota_state WHERE quota = @quota", ("@quota", quota)).ExecuteReaderAsync();
        while (await rows.ReadAsync()) states.Add(State(rows, 0));
        return states;
    }

    private static QuotaState State(DbDataReader row, int at) =>
        new(row.GetInt64(at), row.GetString(at + 1), row.GetInt64(at + 2), row.GetString(at + 3), row.GetInt64(at + 4), decimal.Parse(row.GetString(at + 5), CultureInfo.InvariantCulture)) { SaidWindow = row.IsDBNull(at + 6) ? null : row.GetInt64(at + 6) };

    private static QuotaClockRow Clock(DbDataReader row) => new(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetString(3), row.GetString(4));

    private static async Task SaveAsync(LedgerTransaction transaction, CompiledQuota quota, QuotaStateSet states)
    {
        foreach (var ((window, threshold), state) in states.Changed)
        {
            if (state is null)
            {
                await transaction.ExecuteAsync("DELETE FROM quota_state WHERE quota = @quota AND window_start = @window AND threshold = @threshold", ("@quota", quota.Id), ("@window", window), ("@threshold", threshold));
                continue;
            }

            await transaction.ExecuteAsync("""
                INSERT INTO quota_state (quota, window_start, threshold, window_end, state, since, amount, said_window) VALUES (@quota, @window, @threshold, @end, @state, @since, @amount, @said)
                ON CONFLICT (quota, window_start, threshold) DO UPDATE SET window_end = excluded.window_end, state = excluded.state, since = excluded.since, amount = excluded.amount, said_window = excluded.said_window
                """, ("@quota", quota.Id), ("@window", window), ("@threshold", threshold), ("@end", state.WindowEnd), ("@state", state.State), ("@since", state.Since), ("@amount", QuotaThreshold.Text(state.Amount)), ("@said", state.SaidWindow));
        }
    }

    private static async Task RecordAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, CompiledQuota quota, QuotaTransition done, long number, DateTimeOffset now)
    {
        var crossing = Crossing(quota, done, number);
        var entry = new QuotaHistoryEntry(number, now, done.Former, crossing);
        await transaction.ExecuteAsync("INSERT INTO quota_transition (quota, number, at, json) VALUES (@quota, @number, @at, @json)",
            ("@quota", quota.Id), ("@number", number), ("@at", now.ToUnixMicroseconds()), ("@json", JsonSerializer.Serialize(entry, LedgerJson.Options)));
        if (done.State is not (QuotaState.Firing or QuotaState.Resolved)) return;
        var eventId = string.Create(CultureInfo.InvariantCulture, $"qt_{quota.Id}_{number}");
        await Outbox.AddAsync(transaction, eventId, quota.Document.Subject.Tenant, crossing, quota.Document.Notify.Where(catalogue.Webhooks.Contains), now);
    }

    private static QuotaCrossed Crossing(CompiledQuota quota, QuotaTransition done, long number) => new()
    {
        Quota = quota.Id,
        Key = string.Create(CultureInfo.InvariantCulture, $"{quota.Id}/{(quota.IsImmediate ? done.SaidWindow ?? done.Reading.WindowStart : 0)}/{done.Threshold.Key}"),
        Kind = quota.Document.Kind,
        Subject = quota.Document.Subject.Names(),
        Meter = quota.IsStarved ? "starved" : quota.Document.Meter,
        WindowStart = DateTimeOffset.FromUnixTimeSeconds(done.Reading.WindowStart),
        WindowEnd = DateTimeOffset.FromUnixTimeSeconds(done.Reading.WindowEnd),
        Threshold = done.Threshold.Stated,
        ThresholdIn = done.Threshold.IsPercent ? "percent" : "amount",
        Direction = quota.Document.Direction,
        Limit = quota.Limit,
        Value = done.Reading.Value ?? 0,
        State = done.State,
        Severity = quota.Document.Severity,
        Labels = quota.Document.Labels,
        Transition = number,
        PredictedAt = quota.Document.Kind == "forecast" && done.Reading.Reaches(done.Threshold.Amount) is { } at ? DateTimeOffset.FromUnixTimeSeconds(at) : null,
    };

    // What was said last: of what is measured no more there is no figure.
    public static async Task<decimal?> LastValueAsync(LedgerTransaction transaction, string quota)
    {
        var json = await transaction.Command("SELECT json FROM quota_transition WHERE quota = @quota ORDER BY number DESC LIMIT 1", ("@quota", quota)).ExecuteScalarAsync() as string;
        return json is null ? null : JsonSerializer.Deserialize<QuotaHistoryEntry>(json, LedgerJson.Options)?.Crossing.Value;
    }

    // What a version before this one had fired in a window that is open stays fired.
    private static async Task TakeOverAsync(LedgerTransaction transaction, CompiledQuota quota, DateTimeOffset now)
    {
        var found = new List<(long Start, long End, string Fired)>();
        await using (var rows = await transaction.Command("SELECT window_start, window_end, fired FROM quota_window_former WHERE quota = @quota AND window_end > @now", ("@quota", quota.Id), ("@now", now.ToUnixTimeSeconds())).ExecuteReaderAsync())
        {
            while (await rows.ReadAsync()) found.Add((rows.GetInt64(0), rows.GetInt64(1), rows.GetString(2)));
        }

        if (found.Count == 0) return;
        var states = new QuotaStateSet(await StatesAsync(transaction, quota.Id));
        foreach (var (start, end, fired) in found)
        {
            foreach (var threshold in quota.Thresholds.Where(threshold => fired.Split(',').Contains(threshold.Key)))
                states.Set(new QuotaState(start, threshold.Key, end, QuotaState.Firing, now.ToUnixTimeSeconds(), threshold.Amount));
        }

        await SaveAsync(transaction, quota, states);
        await transaction.ExecuteAsync("DELETE FROM quota_window_former WHERE quota = @quota", ("@quota", quota.Id));
    }
}
