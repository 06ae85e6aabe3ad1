using Metering.Service.Ledger;
using Npgsql;

namespace Metering.Service.Quotas;

/// <summary>
/// Table <c>quota_growth</c> on PostgreSQL: what transactions added to figures, in the order of their commits, until it is added to <c>quota_window</c>. How far that is stands in <c>meta</c>: whoever remembers
/// figures and has not seen all growth up to there reads them anew.
/// </summary>
internal static class QuotaGrowthLog
{
    /// <summary>From here to its end a transaction is the only one that adds to figures.</summary>
    public const string Lock = "SELECT pg_advisory_xact_lock(120282511929864)"; // 0x6d65_7465_7208

    public const string Settled = "SELECT value::bigint FROM meta WHERE key = 'quota_settled'";

    /// <summary>Rows that are added up at a time.</summary>
    private const int Chunk = 500;

    private const string Sum =
        "used_high = w.used_high + excluded.used_high + (w.used_low + excluded.used_low) / 1000000000000000000, used_low = (w.used_low + excluded.used_low) % 1000000000000000000";

    private const string Peak =
        """
        used_high = CASE WHEN (w.used_high, w.used_low) < (excluded.used_high, excluded.used_low) THEN excluded.used_high ELSE w.used_high END,
        used_low = CASE WHEN (w.used_high, w.used_low) < (excluded.used_high, excluded.used_low) THEN excluded.used_low ELSE w.used_low END
        """;

    private const string Insert = "INSERT INTO quota_window AS w (id, quota, window_start, component, used_high, used_low) SELECT * FROM unnest(@ids, @quotas, @starts, @components, @highs, @lows) ON CONFLICT (id) DO UPDATE SET ";

    /// <summary>How many bytes wait.</summary>
    public static async Task<long> WaitingAsync(LedgerTransaction transaction) =>
        await transaction.ScalarAsync(transaction.Command("SELECT COALESCE(SUM(octet_length(bytes)), 0)::bigint FROM quota_growth")) ?? 0;

    /// <summary>Adds to figures what waits, a part of it: true when there may be more.</summary>
    public static async Task<bool> SettleAsync(LedgerTransaction transaction)
    {
        await transaction.ExecuteAsync(Lock);
        var (growth, last, count) = (new List<QuotaGrown>(), 0L, 0);
        await using (var rows = await transaction.Command($"SELECT id, bytes FROM quota_growth ORDER BY id LIMIT {Chunk}").ExecuteReaderAsync())
        {
            for (; await rows.ReadAsync(); count++)
            {
                last = rows.GetInt64(0);
                growth.AddRange(QuotaGrown.Read(rows.GetFieldValue<byte[]>(1)));
            }
        }

        if (count == 0) return false;
        await AddAsync(transaction, growth);
        await transaction.ExecuteAsync("DELETE FROM quota_growth WHERE id <= @last", ("@last", last));
        await MarkAsync(transaction, "@last", ("@last", last));
        return count == Chunk;
    }

    /// <summary>Before figures are changed in place, in the same transaction: adds all that waits, and has whoever remembers figures read them anew. The caller has waited for those who write usage.</summary>
    public static async Task OpenAsync(LedgerTransaction transaction)
    {
        if (!transaction.Store.IsPostgres) return;
        while (await SettleAsync(transaction))
        {
        }

        await MarkAsync(transaction, "nextval(pg_get_serial_sequence('quota_growth', 'id'))");
    }

    /// <summary>Adds to <c>quota_window</c>.</summary>
    public static async Task AddAsync(LedgerTransaction transaction, IEnumerable<QuotaGrown> growth)
    {
        foreach (var kind in growth.GroupBy(one => one.IsPeak))
        {
            var sums = new Dictionary<(string Quota, long Start, string Component), Int128>();
            foreach (var one in kind)
            {
                var key = (one.Quota, one.Start, one.Component);
                sums[key] = kind.Key ? Int128.Max(sums.GetValueOrDefault(key), one.Quantity) : checked(sums.GetValueOrDefault(key) + one.Quantity);
            }

            var split = sums.Values.Select(QuotaMath.Split).ToArray();
            await transaction.ExecuteAsync(Insert + (kind.Key ? Peak : Sum),
                ("@ids", sums.Keys.Select(key => QuotaFigureIds.Make(key.Quota, key.Start, key.Component)).ToArray()), ("@quotas", sums.Keys.Select(key => key.Quota).ToArray()),
                ("@starts", sums.Keys.Select(key => key.Start).ToArray()), ("@components", sums.Keys.Select(key => key.Component).ToArray()),
                ("@highs", split.Select(value => value.High).ToArray()), ("@lows", split.Select(value => value.Low).ToArray()));
        }
    }

    private static Task MarkAsync(LedgerTransaction transaction, string id, params ReadOnlySpan<(string, object?)> parameters) =>
        transaction.ExecuteAsync($"INSERT INTO meta (key, value) VALUES ('quota_settled', ({id})::text) ON CONFLICT (key) DO UPDATE SET value = excluded.value", parameters);
}
