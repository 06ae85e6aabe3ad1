using NodaTime;
using NodaTime.TimeZones;

namespace Metering.Service.Tenants;

/// <summary>
/// Days and months in a zone. They tile the time line: a day ends where the next begins, whatever the clocks do. An instant belongs to the day whose bounds it lies in, which is not always
/// what the wall clock shows: where clocks are set back over midnight (St John's, 00:01 to 23:01), the hour that is shown twice belongs to the new day.
/// </summary>
internal static class TenantCalendar
{
    // A day that begins at midnight; where clocks jump over midnight or over the whole day, with the jump; where midnight comes twice, with the first.
    private static readonly ZoneLocalMappingResolver Resolver = Resolvers.CreateMappingResolver(Resolvers.ReturnEarlier, Resolvers.ReturnStartOfIntervalAfter);

    /// <summary>The zone of a tenant; UTC for one that is not known.</summary>
    public static DateTimeZone Zone(string? name) => DateTimeZoneProviders.Tzdb.GetZoneOrNull(name ?? "UTC") ?? DateTimeZone.Utc;

    /// <summary>The first instant of a day, Unix seconds.</summary>
    public static long StartOf(LocalDate date, DateTimeZone zone) => zone.ResolveLocal(date.AtMidnight(), Resolver).ToInstant().ToUnixTimeSeconds();

    /// <summary>The day that holds the instant, and its bounds.</summary>
    public static (LocalDate Date, long Start, long End) DayOf(long seconds, DateTimeZone zone)
    {
        var date = Instant.FromUnixTimeSeconds(seconds).InZone(zone).Date;
        while (StartOf(date, zone) > seconds) date = date.PlusDays(-1);
        while (StartOf(date.PlusDays(1), zone) <= seconds) date = date.PlusDays(1);
        return (date, StartOf(date, zone), StartOf(date.PlusDays(1), zone));
    }

    /// <summary>The period that holds the instant, and its bounds.</summary>
    public static (BillingPeriod Period, long Start, long End) PeriodOf(long seconds, DateTimeZone zone)
    {
        var date = DayOf(seconds, zone).Date;
        var period = new BillingPeriod(date.Year, date.Month);
        var (start, end) = period.Bounds(zone);
        return (period, start, end);
    }

    /// <summary>The finest step, in seconds, at which days of the zone begin from an instant on, two years ahead: 3600, 1800, 900, or less for a zone that can not be billed.</summary>
    public static long StepOf(DateTimeZone zone, long fromSeconds)
    {
        var from = Instant.FromUnixTimeSeconds(fromSeconds);
        var step = 3600L;
        foreach (var interval in zone.GetZoneIntervals(from, from + Duration.FromDays(731)))
        {
            while (step > 1 && interval.WallOffset.Seconds % step != 0) step = step % 2 == 0 ? step / 2 : 1;
        }

        return step;
    }
}
