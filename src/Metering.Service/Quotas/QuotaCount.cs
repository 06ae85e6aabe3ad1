using System.Runtime.InteropServices;
using Metering.Service.Ledger;

namespace Metering.Service.Quotas;

/// <summary>How far a quota that is counted anew has come: table <c>quota_counting</c>. Buckets from <see cref="From"/> on are counted, those before <see cref="To"/> are; Unix seconds.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct QuotaCount(long From, long To)
{
    /// <summary>What is added to this bucket is to be added to the figure; else it is counted when its turn comes.</summary>
    public bool Has(long bucket) => bucket < From || bucket < To;

    /// <summary>Every quota that is being counted; nearly always none.</summary>
    public static async Task<Dictionary<string, QuotaCount>> ReadAsync(LedgerTransaction view, CancellationToken cancel = default)
    {
        var found = new Dictionary<string, QuotaCount>(StringComparer.Ordinal);
        await using var rows = await view.Command("SELECT quota, counts_from, counted_to FROM quota_counting").ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) found[rows.GetString(0)] = new QuotaCount(rows.GetInt64(1), rows.GetInt64(2));
        return found;
    }

    public static Task WriteAsync(LedgerTransaction transaction, string quota, QuotaCount count) => transaction.ExecuteAsync("""
        INSERT INTO quota_counting (quota, counts_from, counted_to) VALUES (@quota, @from, @to) ON CONFLICT (quota) DO UPDATE SET counts_from = excluded.counts_from, counted_to = excluded.counted_to
        """, ("@quota", quota), ("@from", count.From), ("@to", count.To));

    /// <summary>These, which were equally far, are counted up to there; to the end of time: they are done.</summary>
    public static Task MoveAsync(LedgerTransaction transaction, long before, long to) => to == long.MaxValue
        ? transaction.ExecuteAsync("DELETE FROM quota_counting WHERE counted_to = @before", ("@before", before))
        : transaction.ExecuteAsync("UPDATE quota_counting SET counted_to = @to WHERE counted_to = @before", ("@before", before), ("@to", to));
}
