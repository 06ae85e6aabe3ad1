using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;

namespace Metering.Service.Quotas;

/// <summary>Table <c>quota_window</c>: the figures of quotas.</summary>
internal static class QuotaWindows
{
    private static readonly ILookup<string, QuotaFigure> Nothing = Array.Empty<QuotaFigure>().ToLookup(_ => "");

    /// <summary>Adds what was counted anew; the caller has opened the figures, see <see cref="QuotaGrowthLog.OpenAsync"/>.</summary>
    public static async Task AddAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses)
    {
        if (transaction.Store.IsPostgres) await QuotaGrowthLog.AddAsync(transaction, uses.Select(use => new QuotaGrown(use.Quota.Id, use.Start, use.Component, use.Quota.IsPeak, use.Growth)));
        else await new SqliteFigures().AddAsync(transaction, uses);
    }

    /// <summary>The figures of quotas from an instant (Unix seconds) on; on PostgreSQL with the growth that waits, see <see cref="QuotaGrowthLog"/>.</summary>
    public static async Task<ILookup<string, QuotaFigure>> ReadAsync(LedgerTransaction view, IReadOnlyList<(string Quota, long From)> needs, CancellationToken cancel)
    {
        if (needs.Count == 0) return Nothing;
        var found = view.Store.IsPostgres ? await ReadPostgresAsync(view, needs, cancel) : ReadSqlite((SqliteConnection)view.Connection, needs);
        return found.Count == 0 ? Nothing : found.ToLookup(pair => pair.Quota, pair => pair.Figure, StringComparer.Ordinal);
    }

    private static List<(string Quota, QuotaFigure Figure)> ReadSqlite(SqliteConnection connection, IReadOnlyList<(string Quota, long From)> needs)
    {
        var found = new List<(string, QuotaFigure)>();
        using var select = new SqliteStatement(connection, "SELECT window_start, component, used_high, used_low FROM quota_window WHERE quota = ?1 AND window_start >= ?2");
        foreach (var (quota, from) in needs)
        {
            select.Bind(1, quota);
            select.Bind(2, from);
            while (select.Step()) found.Add((quota, new QuotaFigure(select.Number(0), select.Text(1), QuotaMath.Join(select.Number(2), select.Number(3)))));
        }

        return found;
    }

    // One statement, so that growth is in the figures or waits, and never both.
    private static async Task<List<(string Quota, QuotaFigure Figure)>> ReadPostgresAsync(LedgerTransaction view, IReadOnlyList<(string Quota, long From)> needs, CancellationToken cancel)
    {
        var found = new List<(string Quota, QuotaFigure Figure)>();
        var waiting = new List<QuotaGrown>();
        var command = view.Command("""
            SELECT w.quota, w.window_start, w.component, w.used_high, w.used_low, NULL::bytea FROM unnest(@quotas, @from) AS need (quota, since) JOIN quota_window w ON w.quota = need.quota AND w.window_start >= need.since
            UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, bytes FROM quota_growth
            """, ("@quotas", needs.Select(need => need.Quota).ToArray()), ("@from", needs.Select(need => need.From).ToArray()));
        await command.PrepareAsync(cancel);
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel))
            {
                if (!rows.IsDBNull(5)) waiting.AddRange(QuotaGrown.Read(rows.GetFieldValue<byte[]>(5)));
                else found.Add((rows.GetString(0), new QuotaFigure(rows.GetInt64(1), rows.GetString(2), QuotaMath.Join(rows.GetInt64(3), rows.GetInt64(4)))));
            }
        }

        if (waiting.Count > 0) Add(waiting, found, needs);
        return found;
    }

    private static void Add(List<QuotaGrown> waiting, List<(string Quota, QuotaFigure Figure)> found, IReadOnlyList<(string Quota, long From)> needs)
    {
        var since = needs.ToDictionary(need => need.Quota, need => need.From, StringComparer.Ordinal);
        var places = new Dictionary<(string, long, string), int>();
        for (var i = 0; i < found.Count; i++) places[(found[i].Quota, found[i].Figure.Start, found[i].Figure.Component)] = i;
        foreach (var growth in waiting)
        {
            if (!since.TryGetValue(growth.Quota, out var from) || growth.Start < from) continue;
            var key = (growth.Quota, growth.Start, growth.Component);
            if (!places.TryGetValue(key, out var at))
            {
                places[key] = at = found.Count;
                found.Add((growth.Quota, new QuotaFigure(growth.Start, growth.Component, 0)));
            }

            var (quota, figure) = found[at];
            found[at] = (quota, figure with { Used = growth.IsPeak ? Int128.Max(figure.Used, growth.Quantity) : checked(figure.Used + growth.Quantity) });
        }
    }
}
