using System.Globalization;
using NodaTime;
using NodaTime.Text;

namespace Metering.Service.Reports;

/// <summary>Reads the instants of a query as people give them, and cuts a range into steps in a time zone.</summary>
internal static class TimeRange
{
    /// <summary>More steps than this are refused: a year of hours.</summary>
    public const int MaxSteps = 9_000;

    /// <summary>RFC 3339, a date, a month (<c>2026-10</c>), <c>now</c>, <c>today</c>, <c>yesterday</c>, <c>thisMonth</c>, <c>lastMonth</c>, or a span back from now (<c>7d</c>). For <paramref name="end"/> a date or month means its end.</summary>
    public static bool TryInstant(string? text, DateTimeZone zone, Instant now, bool end, out Instant instant)
    {
        instant = now;
        if (string.IsNullOrEmpty(text)) return false;

        // Of the calendar's first and last year, bounds would lie outside of it.
        if (text.StartsWith("0001-", StringComparison.Ordinal) || text.StartsWith("9999-", StringComparison.Ordinal)) return false;
        if (text == "now") return true;
        var today = now.InZone(zone).Date;
        if (text == "today") return Day(end ? today.PlusDays(1) : today, zone, out instant);
        if (text == "yesterday") return Day(end ? today : today.PlusDays(-1), zone, out instant);
        if (text is "thisMonth" or "lastMonth")
        {
            var begins = new LocalDate(today.Year, today.Month, 1).PlusMonths((text == "lastMonth" ? -1 : 0) + (end ? 1 : 0));
            return Day(begins, zone, out instant);
        }

        if (YearMonthPattern.Iso.Parse(text) is { Success: true } month)
        {
            var first = month.Value.OnDayOfMonth(1);
            return Day(end ? first.PlusMonths(1) : first, zone, out instant);
        }

        if (LocalDatePattern.Iso.Parse(text) is { Success: true } date) return Day(end ? date.Value.PlusDays(1) : date.Value, zone, out instant);
        if (Metering.Units.Duration.TryParse(text, out var back))
        {
            instant = now - NodaTime.Duration.FromTimeSpan(back);
            return true;
        }

        // A '+' of an offset arrives as a blank when it was not escaped in the URL.
        if (!DateTimeOffset.TryParse(text.Replace(' ', '+'), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed)) return false;
        instant = Instant.FromDateTimeOffset(parsed);
        return true;
    }

    /// <summary>The bounds of the steps, from..to included; null when there would be too many or the step is unknown. Hours and quarters are in UTC, days and months in the zone.</summary>
    public static List<(long Start, long Stop)>? Steps(string step, long fromSeconds, long toSeconds, DateTimeZone zone)
    {
        var bounds = new List<(long, long)>();
        if (step == "total")
        {
            bounds.Add((fromSeconds, toSeconds));
            return bounds;
        }

        var length = step switch { "15m" => 900L, "hour" => 3600L, _ => 0L };
        var at = fromSeconds;
        while (at < toSeconds)
        {
            long next;
            if (length > 0) next = (at / length + 1) * length;
            else if (step == "day") next = Next(at, zone, date => date.PlusDays(1));
            else if (step == "month") next = Next(at, zone, date => new LocalDate(date.Year, date.Month, 1).PlusMonths(1));
            else return null;
            bounds.Add((at, Math.Min(next, toSeconds)));
            if (bounds.Count > MaxSteps) return null;
            at = next;
        }

        return bounds;
    }

    private static long Next(long seconds, DateTimeZone zone, Func<LocalDate, LocalDate> advance)
    {
        var date = Instant.FromUnixTimeSeconds(seconds).InZone(zone).Date;
        return advance(date).AtStartOfDayInZone(zone).ToInstant().ToUnixTimeSeconds();
    }

    private static bool Day(LocalDate date, DateTimeZone zone, out Instant instant)
    {
        instant = date.AtStartOfDayInZone(zone).ToInstant();
        return true;
    }
}
