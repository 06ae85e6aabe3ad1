using Metering.Service.Ledger;
using Microsoft.Data.Sqlite;

namespace Metering.Service.Quotas;

/// <summary>
/// Figures on SQLite, where there is one writer: what is in <c>quota_window</c> is read, added to and written. Rows are remembered: one is found by its id in a third of the time that its key takes.
/// A row that is gone has an id that no other gets; one whose transaction was rolled back has not, so then all is forgotten.
/// </summary>
internal sealed class SqliteFigures : IQuotaFigures
{
    /// <summary>Minutes and buckets make new rows without end.</summary>
    private const int MaxKnown = 200_000;

    private readonly Dictionary<QuotaKey, long> _ids = [];

    public Task<ILookup<string, QuotaFigure>> AddAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses)
    {
        Add((SqliteConnection)transaction.Connection, uses);
        (string Quota, long From)[] costs = [.. uses.Where(use => use.Quota is { IsCost: true, IsImmediate: true }).GroupBy(use => use.Quota.Id).Select(group => (group.Key, group.Min(use => use.Start)))];
        return QuotaWindows.ReadAsync(transaction, costs, CancellationToken.None);
    }

    public void Forget() => _ids.Clear();

    private void Add(SqliteConnection connection, IReadOnlyList<QuotaUse> uses)
    {
        using var read = new SqliteStatement(connection, "SELECT used_high, used_low FROM quota_window WHERE id = ?1");
        using var find = new SqliteStatement(connection, "SELECT used_high, used_low, id FROM quota_window WHERE quota = ?1 AND window_start = ?2 AND component = ?3");
        using var write = new SqliteStatement(connection, "UPDATE quota_window SET used_high = ?2, used_low = ?3 WHERE id = ?1");
        using var insert = new SqliteStatement(connection, "INSERT INTO quota_window (quota, window_start, component, used_high, used_low) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id");
        foreach (var use in uses)
        {
            if (!TryRead(read, find, use, out var id, out var before))
            {
                use.Used = use.Growth;
                Remember(use.Key, Insert(insert, use));
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

    private void Remember(QuotaKey key, long id)
    {
        if (_ids.Count >= MaxKnown) _ids.Clear();
        _ids[key] = id;
    }

    private bool TryRead(SqliteStatement read, SqliteStatement find, QuotaUse use, out long id, out Int128 before)
    {
        var found = false;
        before = 0;
        if (_ids.TryGetValue(use.Key, out id))
        {
            read.Bind(1, id);
            while (read.Step()) (found, before) = (true, QuotaMath.Join(read.Number(0), read.Number(1)));
            if (found) return true;
        }

        BindKey(find, use);
        while (find.Step()) (found, before, id) = (true, QuotaMath.Join(find.Number(0), find.Number(1)), find.Number(2));
        if (found) Remember(use.Key, id);
        return found;
    }

    private static long Insert(SqliteStatement insert, QuotaUse use)
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
}
