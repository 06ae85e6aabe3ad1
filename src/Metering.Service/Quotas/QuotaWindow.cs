using Metering.Service.Tenants;
using NodaTime;

namespace Metering.Service.Quotas;

/// <summary>Calendar windows of quotas, in a zone. Weeks begin on Monday (ISO 8601).</summary>
internal static class QuotaWindow
{
    /// <summary>The window that holds the instant, in Unix seconds, end exclusive.</summary>
    public static (long Start, long End) Of(string window, long atSeconds, DateTimeZone zone)
    {
        if (window == "hour") return (atSeconds / 3600 * 3600, atSeconds / 3600 * 3600 + 3600);
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
}
