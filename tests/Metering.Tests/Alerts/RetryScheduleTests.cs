using Metering.Service.Alerts;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class RetryScheduleTests
{
    [Fact]
    public void Ten_attempts_are_made_at_the_intervals_of_the_specification_and_then_none()
    {
        var schedule = new RetrySchedule(new Random(7));
        var wanted = new[] { "0:00:00", "0:00:05", "0:05:00", "0:30:00", "2:00:00", "5:00:00", "10:00:00", "14:00:00", "20:00:00", "1.00:00:00" };

        for (var attempts = 0; attempts < wanted.Length; attempts++)
        {
            var delay = TimeSpan.Parse(wanted[attempts]);
            for (var i = 0; i < 100; i++) Assert.InRange(schedule.Next(attempts)!.Value, delay, delay * (1 + RetrySchedule.MaxJitter));
        }

        Assert.Null(schedule.Next(wanted.Length));
        Assert.Null(schedule.Next(int.MaxValue));
    }

    [Fact]
    public void Deliveries_that_failed_together_come_back_apart_and_a_seed_repeats_them()
    {
        static List<TimeSpan?> Draw(int seed)
        {
            var schedule = new RetrySchedule(new Random(seed));
            return [.. Enumerable.Range(0, 20).Select(_ => schedule.Next(2))];
        }

        Assert.Equal(20, Draw(1).Distinct().Count());
        Assert.Equal(Draw(1), Draw(1));
    }

    [Fact]
    public void What_the_receiver_asks_for_lengthens_a_wait_and_never_shortens_it()
    {
        var schedule = new RetrySchedule(new Random(7));

        Assert.InRange(schedule.Next(1, TimeSpan.FromMinutes(10))!.Value, TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11));
        Assert.InRange(schedule.Next(4, TimeSpan.FromMinutes(10))!.Value, TimeSpan.FromHours(2), TimeSpan.FromHours(2.2));
        Assert.Null(schedule.Next(10, TimeSpan.FromMinutes(10)));
    }
}
