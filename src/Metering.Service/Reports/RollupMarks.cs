using Metering.Service.Ledger;

namespace Metering.Service.Reports;

/// <summary>Marks days that are added up and get more usage, other owners or other labels, in the transaction that does it.</summary>
internal sealed class RollupMarks : IUsageListener
{
    /// <summary>Rows are in the order of their buckets: usually the first one tells that no day is touched.</summary>
    public Task UsageAddedAsync(LedgerTransaction transaction, IReadOnlyList<UsageRow> rows, LedgerSnapshot snapshot, DateTimeOffset now) =>
        rows.Count == 0 || rows[0].Bucket >= snapshot.RolledUntil ? Task.CompletedTask : MarkAsync(transaction, rows.Select(row => row.Bucket), snapshot);

    public Task UsageMovedAsync(LedgerTransaction transaction, IReadOnlyList<MovedUsage> moves, LedgerSnapshot snapshot, DateTimeOffset now) => MarkAsync(transaction, moves.Select(move => move.Row.Bucket), snapshot);

    public Task AttributesChangedAsync(LedgerTransaction transaction, long from, LedgerSnapshot snapshot) => from >= snapshot.RolledUntil ? Task.CompletedTask :
        transaction.ExecuteAsync("UPDATE rollup_day SET arrivals = arrivals + 1 WHERE day > @from", ("@from", Math.Max(from, 0) - Rollup.Day));

    // In order: replicas lock in the same order.
    private static async Task MarkAsync(LedgerTransaction transaction, IEnumerable<long> buckets, LedgerSnapshot snapshot)
    {
        foreach (var day in buckets.Where(bucket => bucket < snapshot.RolledUntil).Select(bucket => bucket / Rollup.Day * Rollup.Day).Distinct().Order())
            await transaction.ExecuteAsync("UPDATE rollup_day SET arrivals = arrivals + 1 WHERE day = @day", ("@day", day));
    }
}
