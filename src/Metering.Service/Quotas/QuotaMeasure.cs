using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Quotas;

/// <summary>From figures to readings. Pure.</summary>
internal static class QuotaMeasure
{
    /// <summary>How long after the end of a window, in seconds, agents are given to send what it had.</summary>
    public const long WindowSettles = 60, MinuteSettles = 30, LateMinuteSettles = 180;

    /// <summary>Minutes further back are not judged any more after an absence.</summary>
    private const long Reach = 86_400;

    /// <summary>From when on (Unix seconds) figures are needed.</summary>
    public static long Need(CompiledQuota quota, IEnumerable<QuotaState> states, long judgedTo, LedgerGrain grain, long now)
    {
        var window = quota.WindowOf(now);
        if (quota.Slots == QuotaSlots.Minutes) return judgedTo;
        if (quota.Document.Kind == "forecast") return Math.Min(window.Start, grain.Floor(now - quota.LongBurn));
        if (quota.Rolling > 0) return RollingFrom(quota, grain, now);
        return quota.IsBelow ? quota.WindowOf(window.Start - 1).Start : states.Where(state => state.State != QuotaState.Resolved).Select(state => state.Window).Append(window.Start).Min();
    }

    /// <summary>What is to be judged now, in the order of time, and up to where the quota is judged then.</summary>
    /// <param name="agents">What is known of the agents.</param>
    public static (List<QuotaReading> Readings, long JudgedTo) Readings(
        CompiledQuota quota, IReadOnlyList<QuotaFigure> figures, IEnumerable<QuotaState> states, long judgedTo, LedgerGrain grain, AgentMarks agents, PriceCatalogue prices, long now)
    {
        var readings = new List<QuotaReading>();
        if (quota.Slots == QuotaSlots.Minutes) return Minutes(quota, figures, judgedTo, agents, prices, now);
        if (quota.Document.Kind == "forecast" || quota.Rolling > 0)
        {
            readings.Add(Now(quota, figures, grain, prices, now));
            return (readings, judgedTo);
        }

        var current = quota.WindowOf(now);
        if (quota.IsBelow)
        {
            var (start, end) = quota.WindowOf(current.Start - 1);
            if (end <= judgedTo || end + WindowSettles + quota.Grace > now) return (readings, judgedTo);
            readings.Add(Window(quota, figures, start, end, prices, now));
            return (readings, end);
        }

        foreach (var (start, end) in states.Where(state => state.State != QuotaState.Resolved).Select(state => (state.Window, state.WindowEnd)).Append(current).Distinct().OrderBy(window => window.Item1))
            readings.Add(Window(quota, figures, start, end, prices, now));
        return (readings, judgedTo);
    }

    /// <summary>A calendar window.</summary>
    public static QuotaReading Window(CompiledQuota quota, IEnumerable<QuotaFigure> figures, long start, long end, PriceCatalogue prices, long now) =>
        new(now, now, start, end, QuotaMath.Used(quota, QuotaMath.Merge(quota, figures.Where(figure => figure.Start == start)), prices)) { IsClosed = end + WindowSettles <= now };

    /// <summary>A rolling window, or a forecast, as of now.</summary>
    public static QuotaReading Now(CompiledQuota quota, IReadOnlyList<QuotaFigure> figures, LedgerGrain grain, PriceCatalogue prices, long now)
    {
        if (quota.Rolling > 0)
        {
            var from = RollingFrom(quota, grain, now);
            return new QuotaReading(now, now, from, now, Since(from));
        }

        // The mean rates since a bound of buckets at or before the span's beginning.
        var (start, end) = quota.WindowOf(now);
        var used = Since(start);
        var (slow, fast) = (Burn(quota.LongBurn), Burn(quota.ShortBurn));
        var rate = quota.IsBelow ? Math.Max(slow, fast) : Math.Min(slow, fast);
        return new QuotaReading(now, now, start, end, Math.Round(used + rate * (end - now), QuotaMath.Places)) { Used = used, PerSecond = rate };

        decimal Since(long from) => QuotaMath.Used(quota, QuotaMath.Merge(quota, figures.Where(figure => figure.Start >= from)), prices);

        decimal Burn(long span)
        {
            var from = grain.Floor(now - span);
            return Since(from) / (now - from);
        }
    }

    // Each minute once, in order, when nobody who is sending is still behind it; while nobody sends nothing is known.
    private static (List<QuotaReading> Readings, long JudgedTo) Minutes(CompiledQuota quota, IReadOnlyList<QuotaFigure> figures, long judgedTo, AgentMarks agents, PriceCatalogue prices, long now)
    {
        var readings = new List<QuotaReading>();
        var byMinute = figures.ToLookup(figure => figure.Start);

        // The minute that the quota was made in is no whole one.
        var at = (Math.Max(judgedTo, now - Reach) + 59) / 60 * 60;
        for (; agents.AnyLately && at + 60 + MinuteSettles <= now; at += 60)
        {
            if (agents.Behind < at + 60 && at + 60 + LateMinuteSettles > now) break;
            readings.Add(new QuotaReading(at, at + 60, at, at + 60, QuotaMath.Rate(quota, QuotaMath.Merge(quota, byMinute[at]), prices)));
        }

        return (readings, Math.Max(at, judgedTo));
    }

    private static long RollingFrom(CompiledQuota quota, LedgerGrain grain, long now) => grain.Floor(now) - quota.Rolling + grain.LengthAt(now);
}
