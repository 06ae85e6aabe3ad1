using System.Data.Common;
using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Metering.Service.Quotas;

/// <summary>
/// Table <c>quota_window</c>. On PostgreSQL the update takes the row's lock and tells what it comes to, so that of two replicas the second sees the first one's figure; sums carry in SQL, see
/// <see cref="QuotaMath.Split"/>. On SQLite there is one writer: what is there is read, added to and written.
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

    private const string Insert =
        "INSERT INTO quota_window (quota, window_start, component, used_high, used_low) SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT (quota, window_start, component) DO UPDATE SET ";

    private const string Returning = " RETURNING quota, window_start, component, used_high, used_low";

    private const string AddSum = Insert + Sum, AddPeak = Insert + Peak, AskSum = AddSum + Returning, AskPeak = AddPeak + Returning;

    private static readonly (bool IsPeak, bool IsAsked)[] Kinds = [(false, true), (false, false), (true, true), (true, false)];

    /// <summary>Adds the growth, in the order given, and writes into each use that is asked for what its figure is then.</summary>
    /// <param name="ids">Remembers where rows are, for the next time.</param>
    public static async Task AddAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses, QuotaRowIds? ids = null)
    {
        if (!transaction.Store.IsPostgres)
        {
            AddSqlite((SqliteConnection)transaction.Connection, uses, ids ?? new QuotaRowIds());
            return;
        }

        await AddPostgresAsync(transaction, uses);
    }

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

    // One round trip for all, parsed and planned once for each connection. The same order of kinds in every transaction, and within each that of keys. What nobody asks for is not told.
    private static async Task AddPostgresAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses)
    {
        await using var batch = new NpgsqlBatch((NpgsqlConnection)transaction.Connection, (NpgsqlTransaction)transaction.Transaction);
        var asked = new Queue<QuotaUse[]>();
        foreach (var (isPeak, isAsked) in Kinds)
        {
            var some = uses.Where(use => use.Quota.IsPeak == isPeak && use.IsAsked == isAsked).ToArray();
            if (some.Length == 0) continue;
            batch.BatchCommands.Add(Adding(some, isPeak, isAsked));
            if (isAsked) asked.Enqueue(some);
        }

        await batch.PrepareAsync();
        await using var rows = await batch.ExecuteReaderAsync();
        do
        {
            if (asked.TryDequeue(out var some)) await TellAsync(rows, some);
        }
        while (await rows.NextResultAsync());
    }

    private static NpgsqlBatchCommand Adding(QuotaUse[] uses, bool isPeak, bool isAsked)
    {
        var (highs, lows) = (new long[uses.Length], new long[uses.Length]);
        for (var i = 0; i < uses.Length; i++) (highs[i], lows[i]) = QuotaMath.Split(uses[i].Growth);
        return new NpgsqlBatchCommand(isPeak ? isAsked ? AskPeak : AddPeak : isAsked ? AskSum : AddSum)
        {
            Parameters =
            {
                new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(uses, use => use.Quota.Id) }, new NpgsqlParameter<long[]> { TypedValue = Array.ConvertAll(uses, use => use.Start) },
                new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(uses, use => use.Component) }, new NpgsqlParameter<long[]> { TypedValue = highs }, new NpgsqlParameter<long[]> { TypedValue = lows },
            },
        };
    }

    // Rows come in the order in which they were given; should they ever not, they are looked for.
    private static async Task TellAsync(DbDataReader rows, QuotaUse[] uses)
    {
        var at = 0;
        while (await rows.ReadAsync())
        {
            var (quota, start, component) = (rows.GetString(0), rows.GetInt64(1), rows.GetString(2));
            if (!Is(uses[at])) at = Array.FindIndex(uses, Is);
            uses[at].Used = QuotaMath.Join(rows.GetInt64(3), rows.GetInt64(4));
            at = (at + 1) % uses.Length;

            bool Is(QuotaUse use) => use.Start == start && use.Quota.Id == quota && use.Component == component;
        }
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

        return found.ToLookup(pair => pair.Quota, pair => pair.Figure, StringComparer.Ordinal);
    }

    private static async Task ReadAsync(DbCommand command, List<(string, QuotaFigure)> into, CancellationToken cancel)
    {
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) into.Add((rows.GetString(0), new QuotaFigure(rows.GetInt64(1), rows.GetString(2), QuotaMath.Join(rows.GetInt64(3), rows.GetInt64(4)))));
    }
}
