using Metering.Service.Tenants;
using NodaTime;
using Xunit;

namespace Metering.Tests.Tenants;

public sealed class TenantCalendarTests
{
    [Fact]
    public void Periods_and_days_tile_the_time_line_in_every_zone()
    {
        foreach (var id in DateTimeZoneProviders.Tzdb.Ids)
        {
            var zone = DateTimeZoneProviders.Tzdb[id];
            var first = new BillingPeriod(2008, 1);
            var end = first.Bounds(zone).Start;
            for (var period = first; period < new BillingPeriod(2031, 1); period = period.Next)
            {
                var bounds = period.Bounds(zone);
                Assert.True(bounds.Start == end && bounds.End > bounds.Start + 27 * 86_400L, $"{id} {period}");
                end = bounds.End;

                // Its first and last instants belong to it, and to no other.
                Assert.Equal(period, TenantCalendar.PeriodOf(bounds.Start, zone).Period);
                Assert.Equal(period, TenantCalendar.PeriodOf(bounds.End - 1, zone).Period);
            }
        }
    }

    [Fact]
    public void Every_quarter_of_an_hour_is_in_one_day_and_one_period_where_clocks_change()
    {
        foreach (var id in DateTimeZoneProviders.Tzdb.Ids)
        {
            var zone = DateTimeZoneProviders.Tzdb[id];
            foreach (var interval in zone.GetZoneIntervals(Instant.FromUtc(2008, 1, 1, 0, 0), Instant.FromUtc(2031, 1, 1, 0, 0)))
            {
                if (!interval.HasStart) continue;
                var change = interval.Start.ToUnixTimeSeconds() / 900 * 900;
                var last = TenantCalendar.DayOf(change - 8 * 900, zone);
                for (var at = change - 7 * 900; at < change + 8 * 900; at += 900)
                {
                    var day = TenantCalendar.DayOf(at, zone);
                    Assert.True(day.Start <= at && at < day.End, $"{id} {at}");
                    Assert.True(day.Date == last.Date ? day == last : day.Start >= last.End && day.Date > last.Date, $"{id} {at}");
                    last = day;
                }
            }
        }
    }

    [Theory]
    [InlineData("UTC", "2026-10", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", 744)]
    [InlineData("Europe/Berlin", "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", 745)]
    [InlineData("Europe/Berlin", "2026-03", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z", 743)]
    [InlineData("Asia/Kolkata", "2026-10", "2026-09-30T18:30:00Z", "2026-10-31T18:30:00Z", 744)]
    [InlineData("Asia/Kathmandu", "2026-10", "2026-09-30T18:15:00Z", "2026-10-31T18:15:00Z", 744)]
    [InlineData("Pacific/Apia", "2011-12", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z", 720)]
    [InlineData("America/St_Johns", "2009-10", "2009-10-01T02:30:00Z", "2009-11-01T02:30:00Z", 744)]
    public void Months_begin_at_midnight_in_the_zone(string zone, string month, string from, string to, int hours)
    {
        Assert.True(BillingPeriod.TryParse(month, out var period));

        var (start, end) = period.Bounds(TenantCalendar.Zone(zone));

        Assert.Equal((from, to, hours), (Text(start), Text(end), (int)((end - start) / 3600)));
        static string Text(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData("Europe/Berlin", 3600)]
    [InlineData("Asia/Kolkata", 1800)]
    [InlineData("Australia/Lord_Howe", 1800)]
    [InlineData("Asia/Kathmandu", 900)]
    public void A_zone_tells_how_fine_its_days_are(string zone, long step) => Assert.Equal(step, TenantCalendar.StepOf(TenantCalendar.Zone(zone), 1_767_225_600));

    [Fact]
    public void No_zone_is_finer_than_a_quarter_of_an_hour_now() =>
        Assert.All(DateTimeZoneProviders.Tzdb.Ids, id => Assert.True(TenantCalendar.StepOf(DateTimeZoneProviders.Tzdb[id], 1_767_225_600) >= 900, id));
}
