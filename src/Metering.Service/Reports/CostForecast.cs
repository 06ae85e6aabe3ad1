using Metering.Service.Rating;
using NodaTime;

namespace Metering.Service.Reports;

/// <summary>
/// What a month will have cost at its end, of what its days have cost. What is left of today and each day to come costs the mean of the same weekdays among the last 28 whole days, where there are two of
/// them, and otherwise the mean of all of them. With fewer than three whole days nothing is said. Days before the first usage of a group, and days on which nothing at all was metered, are not counted;
/// other days without usage are. Tiers that are still to be reached are not foreseen. Pure.
/// </summary>
internal static class CostForecast
{
    public const int Days = 28;
    public const int Least = 3;
    private const int LeastOfWeekday = 2;

    /// <param name="costs">Of the days on which the group had costs, today's so far among them.</param>
    /// <param name="metered">Whole days on which anything was metered, before today.</param>
    /// <param name="first">Of the month.</param>
    /// <param name="elapsed">Of today, 0 to 1.</param>
    /// <returns>What the month costs so far, and at its end; null: not enough days.</returns>
    public static (Amount ToDate, decimal? Forecast) Of(IReadOnlyDictionary<LocalDate, Amount> costs, IReadOnlySet<LocalDate> metered, LocalDate first, LocalDate today, decimal elapsed)
    {
        var toDate = costs.Where(pair => pair.Key >= first && pair.Key <= today).Aggregate(Amount.Zero, (sum, pair) => sum + pair.Value);
        var begun = costs.Keys.DefaultIfEmpty(today).Min();
        var whole = metered.Where(day => day >= begun && day < today && day >= today.PlusDays(-Days)).ToDictionary(day => day, day => costs.GetValueOrDefault(day).ToNearest());
        if (whole.Count < Least) return (toDate, null);
        var mean = whole.Values.Average();
        var ofWeekday = whole.GroupBy(pair => pair.Key.DayOfWeek).Where(group => group.Count() >= LeastOfWeekday).ToDictionary(group => group.Key, group => group.Average(pair => pair.Value));
        var rest = (1 - elapsed) * ofWeekday.GetValueOrDefault(today.DayOfWeek, mean);
        var end = first.PlusMonths(1);
        for (var day = today.PlusDays(1); day < end; day = day.PlusDays(1)) rest += ofWeekday.GetValueOrDefault(day.DayOfWeek, mean);
        return (toDate, Math.Round(toDate.ToNearest() + rest, 6));
    }
}
