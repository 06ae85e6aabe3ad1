using System.Data.Common;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;

namespace Metering.Service.Quotas;

/// <summary>Table <c>quota_window</c>. On PostgreSQL see <see cref="PostgresFigures"/>. On SQLite there is one writer: what is there is read, added to and written.</summary>
internal static class QuotaWindows
{
    private static readonly ILookup<string, QuotaFigure> Nothing = Array.Empty<QuotaFigure>().ToLookup(_ => "");

    /// <summary>Adds the growth, in the order given, and writes into each use that is asked for what its figure is then; and reads figures that are needed, as they are then.</summary>
    /// <param name="needs">Quotas, and from when on (Unix seconds).</param>
    /// <param name="ids">Remembers where rows are, for the next time.</param>
    public static async Task<ILookup<string, QuotaFigure>> AddAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses, IReadOnlyList<(string Quota, long From)> needs, QuotaRowIds ids)
    {
        if (transaction.Store.IsPostgres) return Lookup(await PostgresFigures.AddAsync(transaction, uses, needs, ids.Figures));
        AddSqlite((SqliteConnection)transaction.Connection, uses, ids);
        return await ReadAsync(transaction, needs, CancellationToken.None);
    }

    private static ILookup<string, QuotaFigure> Lookup(List<(string Quota, QuotaFigure Figure)> found) => found.Count == 0 ? Nothing : found.ToLookup(pair => pair.Quota, pair => pair.Figure, StringComparer.Ordinal);

    private static void AddSqlite(SqliteConnection connection, IReadOnlyList<QuotaUse> uses, QuotaRowIds ids)
    {
        using var read = new SqliteStatement(connection, "SELECT used_high, used_low FROM quota_window WHERE id = ?1");
        using var find = new SqliteStatement(connection, "SELECT used_high, used_low, id FROM quota_window WHERE quota = ?1 AND window_start = ?2 AND component = ?3");
        using var write = new SqliteStatement(connection, "UPDATE quota_window SET used_high = ?2, used_low = ?3 WHERE id = ?1");
        using var insert = new SqliteStatement(connection, "INSERT INTO quota_window (quota, window_start, component, used_high, used_low) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id");
        foreach (var use in uses)
        {
            if (!TryRead(read, find, use, ids, out var id, out var before))
            {
                use.Used = use.Growth;
                ids.Set(use.Key, InsertSqlite(insert, use));
                continue;
            }

            use.Used = use.Quota.IsPeak ? Int128.Max(before, use.Growth) : checked(before + use.Growth);
            if (use.Used == before) continue;
            var (high, low) = QuotaMath.Split(use.Used);
            write.Bind(1, id);
            write.Bind(2, high);
            write.Bind(3, low);
            write.Run();
        }
    }

    private static bool TryRead(SqliteStatement read, SqliteStatement find, QuotaUse use, QuotaRowIds ids, out long id, out Int128 before)
    {
        var found = false;
        before = 0;
        if (ids.TryGet(use.Key, out id))
        {
            read.Bind(1, id);
            while (read.Step()) (found, before) = (true, QuotaMath.Join(read.Number(0), read.Number(1)));
            if (found) return true;
        }

        BindKey(find, use);
        while (find.Step()) (found, before, id) = (true, QuotaMath.Join(find.Number(0), find.Number(1)), find.Number(2));
        if (found) ids.Set(use.Key, id);
        return found;
    }

    private static long InsertSqlite(SqliteStatement insert, QuotaUse use)
    {
        var (high, low) = QuotaMath.Split(use.Growth);
        BindKey(insert, use);
        insert.Bind(4, high);
        insert.Bind(5, low);
        long id = 0;
        while (insert.Step()) id = insert.Number(0);
        return id;
    }

    private static void BindKey(SqliteStatement statement, QuotaUse use)
    {
        statement.Bind(1, use.Quota.Id);
        statement.Bind(2, use.Start);
        statement.Bind(3, use.Component);
    }

    /// <summary>The figures of quotas from an instant (Unix seconds) on.</summary>
    public static async Task<ILookup<string, QuotaFigure>> ReadAsync(LedgerTransaction view, IReadOnlyList<(string Quota, long From)> needs, CancellationToken cancel)
    {
        var found = new List<(string Quota, QuotaFigure Figure)>();
        if (view.Store.IsPostgres)
        {
            var command = view.Command("""
                SELECT w.quota, w.window_start, w.component, w.used_high, w.used_low FROM unnest(@quotas, @from) AS need (quota, since) JOIN quota_window w ON w.quota = need.quota AND w.window_start >= need.since
                """, ("@quotas", needs.Select(need => need.Quota).ToArray()), ("@from", needs.Select(need => need.From).ToArray()));
            await command.PrepareAsync(cancel);
            await ReadAsync(command, found, cancel);
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

        return Lookup(found);
    }

    private static async Task ReadAsync(DbCommand command, List<(string, QuotaFigure)> into, CancellationToken cancel)
    {
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) into.Add((rows.GetString(0), new QuotaFigure(rows.GetInt64(1), rows.GetString(2), QuotaMath.Join(rows.GetInt64(3), rows.GetInt64(4)))));
    }
}
