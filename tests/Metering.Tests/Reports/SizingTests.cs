using Metering.Service.Reports;
using Xunit;

namespace Metering.Tests.Reports;

public sealed class SizingTests
{
    [Fact]
    public void The_busiest_five_percent_of_the_hours_are_left_out_and_fifteen_percent_are_added()
    {
        // 190 hours at 0.4 cores and 10 at 1.9, of 2 reserved.
        var advice = Sizing.Of([.. Enumerable.Range(0, 200).Select(hour => (hour % 20 == 7 ? 1.9 : 0.4, 2.0, 3600L))], 0.01m);

        Assert.Equal((2m, 0.4m, 0.46m, null), (advice.Reserved, advice.Used95, advice.Suggested, advice.Reason));
    }

    [Fact]
    public void One_hour_more_of_them_counts()
    {
        var advice = Sizing.Of([.. Enumerable.Range(0, 200).Select(hour => (hour < 11 ? 1.9 : 0.4, 4.0, 3600L))], 0.01m);
        Assert.Equal(1.9m, advice.Used95);
    }

    [Fact]
    public void With_less_than_a_week_nothing_is_suggested_and_the_reason_is_told()
    {
        var advice = Sizing.Of([.. Enumerable.Repeat((0.4, 2.0, 3600L), 167)], 0.01m);
        Assert.Null(advice.Suggested);
        Assert.Equal("It is known for 167 h; 168 h are needed.", advice.Reason);
    }

    [Fact]
    public void What_is_needed_is_not_taken_away()
    {
        var advice = Sizing.Of([.. Enumerable.Repeat((1.9, 2.0, 3600L), 200)], 0.01m);
        Assert.Null(advice.Suggested);
        Assert.Contains("needs", advice.Reason);
    }
}
