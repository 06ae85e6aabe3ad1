using Metering.Service.Tenants;
using NodaTime;

namespace Metering.Service.Quotas;

/// <summary>Calendar windows of quotas, in a zone. Weeks begin on Monday (ISO 8601).</summary>
internal static class QuotaWindow
{
    /// <summary>The window that holds the instant, in Unix seconds, end exclusive.</summary>
    public static (long Start, long End) Of(string window, long atSeconds, DateTimeZone zone)
    {
        if (window == "hour") return HourOf(atSeconds, zone);
        var date = TenantCalendar.DayOf(atSeconds, zone).Date;
        var (first, next) = window switch
        {
            "day" => (date, date.PlusDays(1)),
            "week" => (date.PlusDays(1 - (int)date.DayOfWeek), date.PlusDays(8 - (int)date.DayOfWeek)),
            _ => (new LocalDate(date.Year, date.Month, 1), new LocalDate(date.Year, date.Month, 1).PlusMonths(1)),
        };
        return (Seconds(first), Seconds(next));

        long Seconds(LocalDate day) => TenantCalendar.StartOf(day, zone);
    }

    // Where clocks move by less than an hour, an hour ends there and a short one begins.
    private static (long Start, long End) HourOf(long at, DateTimeZone zone)
    {
        var interval = zone.GetZoneInterval(Instant.FromUnixTimeSeconds(at));
        var offset = interval.WallOffset.Seconds;
        var start = (long)Math.Floor((at + offset) / 3600m) * 3600 - offset;
        var (from, to) = (interval.HasStart ? interval.Start.ToUnixTimeSeconds() : long.MinValue, interval.HasEnd ? interval.End.ToUnixTimeSeconds() : long.MaxValue);
        return (Math.Max(start, from), Math.Min(start + 3600, to));
    }
}
