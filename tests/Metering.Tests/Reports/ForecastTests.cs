using Metering.Service.Rating;
using Metering.Service.Reports;
using NodaTime;
using Xunit;

namespace Metering.Tests.Reports;

public sealed class ForecastTests
{
    // A Sunday.
    private static readonly LocalDate Today = new(2026, 11, 22);
    private static readonly LocalDate First = new(2026, 11, 1);

    [Fact]
    public void Weekdays_weigh_by_what_they_cost_and_today_by_what_is_left_of_it()
    {
        var days = Days(21, day => day.DayOfWeek is IsoDayOfWeek.Saturday or IsoDayOfWeek.Sunday ? 2 : 10);
        days[Today] = Amount.FromDecimal(1.5m);

        var (toDate, forecast) = CostForecast.Of(days, days.Keys.Where(day => day < Today).ToHashSet(), First, Today, 0.75m);

        // 1 to 21 November: 15 weekdays and 6 days of weekends; to come a quarter of a Sunday, six weekdays, a Saturday and a Sunday.
        Assert.Equal(15 * 10 + 6 * 2 + 1.5m, toDate.ToDecimal());
        Assert.Equal(toDate.ToDecimal() + 0.5m + 6 * 10 + 2 * 2, forecast);
    }

    [Fact]
    public void With_less_than_three_whole_days_nothing_is_said()
    {
        var days = Days(2, _ => 7);
        Assert.Null(CostForecast.Of(days, days.Keys.ToHashSet(), First, Today, 0.5m).Forecast);
        days = Days(3, _ => 7);
        Assert.Equal(21 + 7 * 8.5m, CostForecast.Of(days, days.Keys.ToHashSet(), First, Today, 0.5m).Forecast);
    }

    [Fact]
    public void A_day_without_usage_counts_and_one_that_was_not_metered_does_not()
    {
        var days = Days(4, _ => 6);
        days.Remove(Today.PlusDays(-2));
        var metered = Enumerable.Range(1, 4).Select(back => Today.PlusDays(-back)).ToHashSet();

        Assert.Equal(18 + 4.5m * 9, CostForecast.Of(days, metered, First, Today, 0).Forecast);
        metered.Remove(Today.PlusDays(-2));
        Assert.Equal(18 + 6m * 9, CostForecast.Of(days, metered, First, Today, 0).Forecast);
    }

    private static Dictionary<LocalDate, Amount> Days(int count, Func<LocalDate, decimal> cost) =>
        Enumerable.Range(1, count).Select(back => Today.PlusDays(-back)).ToDictionary(day => day, day => Amount.FromDecimal(cost(day)));
}
