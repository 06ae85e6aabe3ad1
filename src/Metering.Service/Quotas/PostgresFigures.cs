using System.Data.Common;
using Metering.Service.Ledger;
using Npgsql;

namespace Metering.Service.Quotas;

/// <summary>
/// Adds to <c>quota_window</c> on PostgreSQL. The update takes the row's lock and tells what it comes to, so that of two replicas the second sees the first one's figure; sums carry in SQL, see
/// <see cref="QuotaMath.Split"/>.
/// </summary>
internal static class PostgresFigures
{
    private const string Sum =
        "used_high = quota_window.used_high + excluded.used_high + (quota_window.used_low + excluded.used_low) / 1000000000000000000, used_low = (quota_window.used_low + excluded.used_low) % 1000000000000000000";

    private const string Peak =
        """
        used_high = CASE WHEN (quota_window.used_high, quota_window.used_low) < (excluded.used_high, excluded.used_low) THEN excluded.used_high ELSE quota_window.used_high END,
        used_low = CASE WHEN (quota_window.used_high, quota_window.used_low) < (excluded.used_high, excluded.used_low) THEN excluded.used_low ELSE quota_window.used_low END
        """;

    private const string Insert = "INSERT INTO quota_window (id, quota, window_start, component, used_high, used_low) SELECT * FROM unnest($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET ";

    private const string Returning = " RETURNING id, used_high, used_low";

    private const string AddSum = Insert + Sum, AddPeak = Insert + Peak, AskSum = AddSum + Returning, AskPeak = AddPeak + Returning;

    private const string Read =
        "SELECT w.quota, w.window_start, w.component, w.used_high, w.used_low FROM unnest($1, $2) AS need (quota, since) JOIN quota_window w ON w.quota = need.quota AND w.window_start >= need.since";

    private static readonly (bool IsPeak, bool IsAsked)[] Kinds = [(false, true), (false, false), (true, true), (true, false)];

    /// <summary>
    /// Adds the growth and reads figures of quotas from an instant (Unix seconds) on, as they are then. One round trip for all, parsed and planned once for each connection. The same order of kinds in every
    /// transaction, and within each that of keys: replicas lock in the same order. What nobody asks for is not told.
    /// </summary>
    public static async Task<List<(string Quota, QuotaFigure Figure)>> AddAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses, IReadOnlyList<(string Quota, long From)> needs, QuotaFigureIds ids)
    {
        await using var batch = new NpgsqlBatch((NpgsqlConnection)transaction.Connection, (NpgsqlTransaction)transaction.Transaction);
        var asked = new Queue<(QuotaUse[] Uses, Guid[] Ids)>();
        foreach (var (isPeak, isAsked) in Kinds)
        {
            var some = uses.Where(use => use.Quota.IsPeak == isPeak && use.IsAsked == isAsked).ToArray();
            if (some.Length == 0) continue;
            var their = Array.ConvertAll(some, use => ids.Of(use.Key));
            batch.BatchCommands.Add(Adding(some, their, isPeak, isAsked));
            if (isAsked) asked.Enqueue((some, their));
        }

        if (needs.Count > 0)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(Read)
            {
                Parameters = { new NpgsqlParameter<string[]> { TypedValue = [.. needs.Select(need => need.Quota)] }, new NpgsqlParameter<long[]> { TypedValue = [.. needs.Select(need => need.From)] } },
            });
        }

        var figures = new List<(string, QuotaFigure)>();
        if (batch.BatchCommands.Count == 0) return figures;
        await batch.PrepareAsync();
        await using var rows = await batch.ExecuteReaderAsync();
        do
        {
            // What tells nothing is no result of its own.
            if (rows.FieldCount == 0) continue;
            if (asked.TryDequeue(out var some)) await TellAsync(rows, some.Uses, some.Ids);
            else await ReadAsync(rows, figures);
        }
        while (await rows.NextResultAsync());
        return figures;
    }

    private static NpgsqlBatchCommand Adding(QuotaUse[] uses, Guid[] ids, bool isPeak, bool isAsked)
    {
        var (highs, lows) = (new long[uses.Length], new long[uses.Length]);
        for (var i = 0; i < uses.Length; i++) (highs[i], lows[i]) = QuotaMath.Split(uses[i].Growth);
        return new NpgsqlBatchCommand(isPeak ? isAsked ? AskPeak : AddPeak : isAsked ? AskSum : AddSum)
        {
            Parameters =
            {
                new NpgsqlParameter<Guid[]> { TypedValue = ids }, new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(uses, use => use.Quota.Id) },
                new NpgsqlParameter<long[]> { TypedValue = Array.ConvertAll(uses, use => use.Start) }, new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(uses, use => use.Component) },
                new NpgsqlParameter<long[]> { TypedValue = highs }, new NpgsqlParameter<long[]> { TypedValue = lows },
            },
        };
    }

    // Rows come in the order in which they were given; should they ever not, they are looked for.
    private static async Task TellAsync(NpgsqlDataReader rows, QuotaUse[] uses, Guid[] ids)
    {
        for (var next = 0; await rows.ReadAsync(); next++)
        {
            var id = rows.GetGuid(0);
            var at = next < ids.Length && ids[next] == id ? next : Array.IndexOf(ids, id);
            uses[at].Used = QuotaMath.Join(rows.GetInt64(1), rows.GetInt64(2));
        }
    }

    private static async Task ReadAsync(DbDataReader rows, List<(string, QuotaFigure)> into)
    {
        while (await rows.ReadAsync()) into.Add((rows.GetString(0), new QuotaFigure(rows.GetInt64(1), rows.GetString(2), QuotaMath.Join(rows.GetInt64(3), rows.GetInt64(4)))));
    }
}
