namespace Metering.Service.Reports;

/// <summary>
/// What a workload should reserve: what it used in all but the busiest 5 % of its hours, and 15 % more. Nothing is said with less than a week of hours in which both usage and reservation are known,
/// nor where that is not less than what is reserved. Pure.
/// </summary>
internal static class Sizing
{
    /// <summary>Seconds with usage and reservation that are needed: a week.</summary>
    public const long Least = 7 * 86_400;

    public const decimal Headroom = 1.15m;

    /// <param name="Used95">The 95th percentile of what was used, weighted by time: the least rate that at least 95 % of the time did not pass.</param>
    /// <param name="Suggested">Rounded up to the step; null: see <paramref name="Reason"/>.</param>
    public readonly record struct Advice(decimal Reserved, decimal Used95, decimal? Suggested, string? Reason);

    /// <param name="buckets">Rates: cores, or bytes; and seconds.</param>
    /// <param name="step">What suggestions are whole numbers of: 0.01 cores, 1 MiB.</param>
    public static Advice Of(List<(double Used, double Reserved, long Seconds)> buckets, decimal step)
    {
        var seconds = buckets.Sum(bucket => bucket.Seconds);
        if (seconds == 0) return new Advice(0, 0, null, "There is no time in which both its usage and its reservation are known.");
        var reserved = (decimal)buckets[^1].Reserved;
        var ordered = buckets.OrderBy(bucket => bucket.Used).ToList();
        var (at, below) = (0, 0L);
        while (at < ordered.Count - 1 && (below += ordered[at].Seconds) * 100 < seconds * 95) at++;
        var used = Math.Round((decimal)ordered[at].Used, 6);
        if (seconds < Least) return new Advice(reserved, used, null, $"It is known for {seconds / 3600} h; {Least / 3600} h are needed.");
        var suggested = Math.Max(step, Math.Ceiling(used * Headroom / step) * step);
        return suggested < reserved ? new Advice(reserved, used, suggested, null) : new Advice(reserved, used, null, "It needs what it has reserved.");
    }
}
