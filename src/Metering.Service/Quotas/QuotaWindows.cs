using System.Data.Common;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;

namespace Metering.Service.Quotas;

/// <summary>
/// Table <c>quota_window</c>. The update takes the row's lock and tells what it comes to, so that of two replicas the second sees the first one's figure. Sums carry in SQL: see <see cref="QuotaMath.Split"/>.
/// </summary>
internal static class QuotaWindows
{
    private const string Sum =
        "used_high = quota_window.used_high + excluded.used_high + (quota_window.used_low + excluded.used_low) / 1000000000000000000, used_low = (quota_window.used_low + excluded.used_low) % 1000000000000000000";

    private const string Peak =
        """
        used_high = CASE WHEN (quota_window.used_high, quota_window.used_low) < (excluded.used_high, excluded.used_low) THEN excluded.used_high ELSE quota_window.used_high END,
        used_low = CASE WHEN (quota_window.used_high, quota_window.used_low) < (excluded.used_high, excluded.used_low) THEN excluded.used_low ELSE quota_window.used_low END
        """;

    /// <summary>Adds the growth, in the order given, and writes into each use that is asked for what its figure is then.</summary>
    public static async Task AddAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses)
    {
        if (!transaction.Store.IsPostgres)
        {
            AddSqlite((SqliteConnection)transaction.Connection, uses);
            return;
        }

        foreach (var peak in (bool[])[false, true])
        {
            var some = uses.Where(use => use.Quota.IsPeak == peak).ToArray();
            if (some.Length > 0) await AddPostgresAsync(transaction, some, peak ? Peak : Sum);
        }
    }

    private static void AddSqlite(SqliteConnection connection, IReadOnlyList<QuotaUse> uses)
    {
        const string values = "VALUES (?1, ?2, ?3, ?4, ?5)";
        using var sum = new SqliteStatement(connection, Upsert(values, Sum, "used_high, used_low"));
        using var peak = new SqliteStatement(connection, Upsert(values, Peak, "used_high, used_low"));
        using var silent = new SqliteStatement(connection, Upsert(values, Sum, null));
        foreach (var use in uses)
        {
            // What nobody asks for is not told: it costs a third of the statement.
            var statement = use.Quota.IsPeak ? peak : use.IsAsked ? sum : silent;
            var (high, low) = QuotaMath.Split(use.Growth);
            statement.Bind(1, use.Quota.Id);
            statement.Bind(2, use.Start);
            statement.Bind(3, use.Component);
            statement.Bind(4, high);
            statement.Bind(5, low);
            while (statement.Step()) use.Used = QuotaMath.Join(statement.Number(0), statement.Number(1));
        }
    }

    private static async Task AddPostgresAsync(LedgerTransaction transaction, QuotaUse[] uses, string set)
    {
        var command = transaction.Command(Upsert("SELECT * FROM unnest(@quotas, @starts, @components, @highs, @lows)", set, "quota, window_start, component, used_high, used_low"),
            ("@quotas", Array.ConvertAll(uses, use => use.Quota.Id)), ("@starts", Array.ConvertAll(uses, use => use.Start)), ("@components", Array.ConvertAll(uses, use => use.Component)),
            ("@highs", Array.ConvertAll(uses, use => QuotaMath.Split(use.Growth).High)), ("@lows", Array.ConvertAll(uses, use => QuotaMath.Split(use.Growth).Low)));
        var byKey = uses.ToDictionary(use => (use.Quota.Id, use.Start, use.Component));
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync()) byKey[(rows.GetString(0), rows.GetInt64(1), rows.GetString(2))].Used = QuotaMath.Join(rows.GetInt64(3), rows.GetInt64(4));
    }

    private static string Upsert(string values, string set, string? returning) =>
        $"INSERT INTO quota_window (quota, window_start, component, used_high, used_low) {values} ON CONFLICT (quota, window_start, component) DO UPDATE SET {set}{(returning is null ? "" : " RETURNING " + returning)}";

    /// <summary>The figures of quotas from an instant (Unix seconds) on.</summary>
    public static async Task<ILookup<string, QuotaFigure>> ReadAsync(LedgerTransaction view, IReadOnlyList<(string Quota, long From)> needs, CancellationToken cancel)
    {
        var found = new List<(string Quota, QuotaFigure Figure)>();
        if (view.Store.IsPostgres)
        {
            await ReadAsync(view.Command("""
                SELECT w.quota, w.window_start, w.component, w.used_high, w.used_low FROM unnest(@quotas, @from) AS need (quota, since) JOIN quota_window w ON w.quota = need.quota AND w.window_start >= need.since
                """, ("@quotas", needs.Select(need => need.Quota).ToArray()), ("@from", needs.Select(need => need.From).ToArray())), found, cancel);
        }
        else if (needs.Count > 0)
        {
            using var select = new SqliteStatement((SqliteConnection)view.Connection, "SELECT window_start, component, used_high, used_low FROM quota_window WHERE quota = ?1 AND window_start >= ?2");
            foreach (var (quota, from) in needs)
            {
                select.Bind(1, quota);
                select.Bind(2, from);
                while (select.Step()) found.Add((quota, new QuotaFigure(select.Number(0), select.Text(1), QuotaMath.Join(select.Number(2), select.Number(3)))));
            }
        }

        return found.ToLookup(pair => pair.Quota, pair => pair.Figure, StringComparer.Ordinal);
    }

    private static async Task ReadAsync(DbCommand command, List<(string, QuotaFigure)> into, CancellationToken cancel)
    {
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) into.Add((rows.GetString(0), new QuotaFigure(rows.GetInt64(1), rows.GetString(2), QuotaMath.Join(rows.GetInt64(3), rows.GetInt64(4)))));
    }
}
