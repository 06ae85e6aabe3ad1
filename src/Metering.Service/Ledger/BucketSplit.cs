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

    public static Part[] Of(long startMicroseconds, long endMicroseconds, long grainSeconds)
    {
        var grain = grainSeconds * 1_000_000;
        var length = endMicroseconds - startMicroseconds;
        var first = startMicroseconds / grain;
        var last = length == 0 ? first : (endMicroseconds - 1) / grain;
        if (first == last) return [new Part(first * grainSeconds, 0, Math.Max(length, 1), Math.Max(length, 1))];
        if (last - first >= MaxParts)
        {
            first = last - MaxParts + 1;
            startMicroseconds = first * grain;
            length = endMicroseconds - startMicroseconds;
        }

        var parts = new Part[last - first + 1];
        for (var i = 0; i < parts.Length; i++)
        {
            var from = Math.Max((first + i) * grain, startMicroseconds) - startMicroseconds;
            var to = Math.Min((first + i + 1) * grain, endMicroseconds) - startMicroseconds;
            parts[i] = new Part((first + i) * grainSeconds, from, to, length);
        }

        return parts;
    }
}
