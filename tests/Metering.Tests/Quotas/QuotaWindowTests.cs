using Metering.Service.Quotas;
using NodaTime;
using Xunit;

namespace Metering.Tests.Quotas;

public sealed class QuotaWindowTests
{
    [Theory]
    [InlineData("hour", "UTC", "2026-11-22T12:34:56Z", "2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z")]
    [InlineData("day", "UTC", "2026-11-22T12:34:56Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z")]
    [InlineData("week", "UTC", "2026-11-22T12:34:56Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z")]
    [InlineData("month", "UTC", "2026-11-22T12:34:56Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")]
    [InlineData("day", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")]
    [InlineData("day", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")]
    [InlineData("month", "Asia/Kolkata", "2026-10-31T19:00:00Z", "2026-10-31T18:30:00Z", "2026-11-30T18:30:00Z")]
    [InlineData("hour", "Asia/Kolkata", "2026-11-22T12:34:56Z", "2026-11-22T12:30:00Z", "2026-11-22T13:30:00Z")]
    [InlineData("hour", "Europe/Berlin", "2026-10-25T00:59:59Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z")]
    [InlineData("hour", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z")]
    [InlineData("hour", "Australia/Lord_Howe", "2026-04-04T14:59:59Z", "2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z")]
    [InlineData("hour", "Australia/Lord_Howe", "2026-04-04T15:00:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z")]
    [InlineData("week", "America/New_York", "2026-11-01T12:00:00Z", "2026-10-26T04:00:00Z", "2026-11-02T05:00:00Z")]
    [InlineData("month", "Australia/Sydney", "2026-10-20T12:00:00Z", "2026-09-30T14:00:00Z", "2026-10-31T13:00:00Z")]
    public void A_window_is_the_calendars_in_its_zone(string window, string zone, string at, string start, string end)
    {
        var (from, to) = QuotaWindow.Of(window, Seconds(at), DateTimeZoneProviders.Tzdb[zone]);

        Assert.Equal((Seconds(start), Seconds(end)), (from, to));
    }

    private static long Seconds(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeSeconds();
}
