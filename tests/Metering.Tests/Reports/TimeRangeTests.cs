using Metering.Service.Access;
using Metering.Service.Reports;
using NodaTime;
using Xunit;

namespace Metering.Tests.Reports;

public sealed class TimeRangeTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 22, 12, 34, 56);

    [Theory]
    [InlineData("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z")]
    [InlineData("2026-11-22T10:00:00+02:00", "2026-11-22T08:00:00Z")]
    [InlineData("2026-11-22T10:00:00 02:00", "2026-11-22T08:00:00Z")]
    [InlineData("now", "2026-11-22T12:34:56Z")]
    [InlineData("today", "2026-11-22T00:00:00Z")]
    [InlineData("7d", "2026-11-15T12:34:56Z")]
    [InlineData("2026-10", "2026-10-01T00:00:00Z")]
    [InlineData("2026-10-05", "2026-10-05T00:00:00Z")]
    public void Instants_are_read_as_people_give_them(string text, string expected)
    {
        Assert.True(TimeRange.TryInstant(text, DateTimeZone.Utc, Now, end: false, out var instant));
        Assert.Equal(Instant.FromDateTimeOffset(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture)), instant);
    }

    [Theory]
    [InlineData("yesterday-ish")]
    [InlineData("")]
    [InlineData("2026-13")]
    [InlineData("99999999999d")]
    [InlineData("9999-12-31")]
    [InlineData("9999-12-31T23:59:59Z")]
    [InlineData("9999-12")]
    [InlineData("0001-01-01")]
    public void What_is_no_instant_is_refused(string text) => Assert.False(TimeRange.TryInstant(text, DateTimeZone.Utc, Now, end: false, out _));

    [Fact]
    public void Days_follow_daylight_saving()
    {
        var zone = DateTimeZoneProviders.Tzdb["Europe/Berlin"];
        var from = Instant.FromUtc(2026, 10, 23, 22, 0).ToUnixTimeSeconds();

        var steps = TimeRange.Steps("day", from, from + 73 * 3600, zone)!;

        Assert.Equal([24 * 3600L, 25 * 3600L, 24 * 3600L], steps.Select(step => step.Stop - step.Start));
    }

    [Fact]
    public void A_query_is_moved_outward_to_buckets_and_all_faults_come_at_once()
    {
        var query = UsageQuery.From(new UsageParameters { From = "2026-11-22T10:20:00Z", To = "2026-11-22T11:01:00Z" }, Caller.Local, 3600, false, Now.ToDateTimeOffset(), out _)!;

        Assert.Equal((Instant.FromUtc(2026, 11, 22, 10, 0).ToUnixTimeSeconds(), Instant.FromUtc(2026, 11, 22, 12, 0).ToUnixTimeSeconds()), (query.FromSeconds, query.ToSeconds));
        Assert.Null(UsageQuery.From(new UsageParameters { From = "x", Step = "y", GroupBy = "z", Filter = ["q"], TimeZone = "Mars", Limit = "0", Cursor = "?" }, Caller.Local, 3600, false, Now.ToDateTimeOffset(), out var faults));
        Assert.Equal(7, faults.Count);
    }
}
