using Metering.Service.Ledger;

namespace Metering.Service.Billing;

/// <summary>Marks buckets that may have been billed and get more usage, or other owners, in the transaction that does it: the next closing rates their periods anew.</summary>
internal sealed class LateUsage : IUsageListener
{
    /// <summary>Rows are in the order of their buckets: usually the first one tells that none is late.</summary>
    public Task UsageAddedAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows, LedgerSnapshot snapshot, DateTimeOffset now) =>
        rows.Count == 0 || rows[0].Bucket >= snapshot.BilledUntil ? Task.CompletedTask : MarkAsync(transaction, rows.Select(row => row.Bucket), snapshot);

    public Task UsageMovedAsync(LedgerTransaction transaction, IReadOnlyList<MovedUsage> moves, LedgerSnapshot snapshot, DateTimeOffset now) =>
        MarkAsync(transaction, moves.Select(move => move.Row.Bucket), snapshot);

    // In order: replicas lock in the same order.
    private static async Task MarkAsync(LedgerTransaction transaction, IEnumerable<long> buckets, LedgerSnapshot snapshot)
    {
        foreach (var bucket in buckets.Where(bucket => bucket < snapshot.BilledUntil).Distinct().Order())
            await transaction.ExecuteAsync("INSERT INTO late (bucket, arrivals) VALUES (@bucket, 1) ON CONFLICT (bucket) DO UPDATE SET arrivals = late.arrivals + 1", ("@bucket", bucket));
    }

    /// <summary>The marks as a view of the ledger has them.</summary>
    public static async Task<List<(long Bucket, long Arrivals)>> ReadAsync(LedgerTransaction view, CancellationToken cancel)
    {
        var marks = new List<(long, long)>();
        await using var rows = await view.Command("SELECT bucket, arrivals FROM late ORDER BY bucket").ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) marks.Add((rows.GetInt64(0), rows.GetInt64(1)));
        return marks;
    }

    /// <summary>Takes away the marks that were dealt with; one that was raised meanwhile stays.</summary>
    public static async Task ClearAsync(LedgerTransaction transaction, IEnumerable<(long Bucket, long Arrivals)> marks)
    {
        foreach (var (bucket, arrivals) in marks) await transaction.ExecuteAsync("DELETE FROM late WHERE bucket = @bucket AND arrivals = @arrivals", ("@bucket", bucket), ("@arrivals", arrivals));
    }
}
