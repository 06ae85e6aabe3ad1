using System.Runtime.InteropServices;
using Metering.Safety;

namespace Metering.Service.Ledger;

/// <summary>Splits a window over buckets by time. Shares are differences of rounded-down cumulatives, so they add up to the whole.</summary>
internal static class BucketSplit
{
    /// <summary>A window longer than this many buckets is put into its last ones: a year of absence is not a year of rows.</summary>
    private const int MaxParts = 24 * 62;

    /// <summary>One bucket's part: from <paramref name="From"/> to <paramref name="To"/> of <paramref name="Length"/> microseconds.</summary>
    [StructLayout(LayoutKind.Auto)]
    public readonly record struct Part(long Bucket, long From, long To, long Length)
    {
        public long Share(long quantity, SafetyRule rules = SafetyRule.All)
        {
            if (From == 0 && To == Length) return quantity;
            if ((rules & SafetyRule.SplitSharesAddUp) == 0) return Cumulative(quantity, To - From);
            return Cumulative(quantity, To) - Cumulative(quantity, From);
        }

        private long Cumulative(long quantity, long at) => (long)((Int128)quantity * at / Length);
    }

    public static Part[] Of(long startMicroseconds, long endMicroseconds, LedgerGrain grain)
    {
        var length = endMicroseconds - startMicroseconds;
        var first = grain.Floor(startMicroseconds / 1_000_000);
        var last = length == 0 ? first : grain.Floor((endMicroseconds - 1) / 1_000_000);
        if (first == last) return [new Part(first, 0, Math.Max(length, 1), Math.Max(length, 1))];

        // From the end, so that the last ones are kept.
        var buckets = new List<long>();
        for (var bucket = last; bucket >= first && buckets.Count < MaxParts; bucket = grain.Floor(bucket - 1)) buckets.Add(bucket);
        buckets.Reverse();
        if (buckets[0] > first)
        {
            startMicroseconds = buckets[0] * 1_000_000;
            length = endMicroseconds - startMicroseconds;
        }

        var parts = new Part[buckets.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            var from = Math.Max(buckets[i] * 1_000_000, startMicroseconds) - startMicroseconds;
            var to = Math.Min(i + 1 < parts.Length ? buckets[i + 1] * 1_000_000 : long.MaxValue, endMicroseconds) - startMicroseconds;
            parts[i] = new Part(buckets[i], from, to, length);
        }

        return parts;
    }
}
