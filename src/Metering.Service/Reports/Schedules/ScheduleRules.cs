using NodaTime;
using NodaTime.Text;

namespace Metering.Service.Reports.Schedules;

/// <summary>What a schedule must be, and when it is due. Pure.</summary>
internal static class ScheduleRules
{
    private const int MaxDepth = 8;

    /// <summary>All faults at once.</summary>
    public static List<Fault> Check(string id, ReportSchedule schedule, IReadOnlySet<string> tenants, IReadOnlySet<string> webhooks)
    {
        var faults = new List<Fault>();
        if (!IsName(id)) faults.Add(new Fault("", "The id is 1 to 64 letters, digits, '-', '_' or '.', and does not begin with a dot."));
        OneOf("report", schedule.Report, ReportTables.Names);
        OneOf("format", schedule.Format, ReportTable.Formats);
        OneOf("every", schedule.Every, ["day", "week", "month"]);
        if (!LocalTimePattern.CreateWithInvariantCulture("HH:mm").Parse(schedule.At ?? "").Success) faults.Add(new Fault("at", "is a local time such as 06:00."));
        if (schedule.Weekday is not null && (schedule.Every != "week" || WeekdayOf(schedule.Weekday) == IsoDayOfWeek.None)) faults.Add(new Fault("weekday", "is monday to sunday, and for 'every: week' only."));
        if (schedule.Day is not null && (schedule.Every != "month" || schedule.Day is < 1 or > 28)) faults.Add(new Fault("day", "is 1 to 28, and for 'every: month' only."));
        if (schedule.TimeZone is not null && DateTimeZoneProviders.Tzdb.GetZoneOrNull(schedule.TimeZone) is null) faults.Add(new Fault("timeZone", $"'{schedule.TimeZone}' is unknown; give an IANA name such as Europe/Berlin."));
        if (schedule.Tenant is not null && !tenants.Contains(schedule.Tenant)) faults.Add(new Fault("tenant", $"There is no tenant '{schedule.Tenant}'."));
        if (schedule.Webhook is not null && !webhooks.Contains(schedule.Webhook)) faults.Add(new Fault("webhook", $"There is no webhook '{schedule.Webhook}'; make it first."));
        if (schedule.Directory is null && schedule.Webhook is null) faults.Add(new Fault("directory", "is missing, and so is webhook; give one of them or both."));
        if (schedule.Directory is { } directory && (directory.Split('/').Length > MaxDepth || !directory.Split('/').All(IsName)))
            faults.Add(new Fault("directory", $"is a path below Reports:Directory of at most {MaxDepth} names of letters, digits, '-', '_' or '.', with '/' between them, none of which begins with a dot."));
        return faults;

        void OneOf(string field, string? value, IReadOnlyList<string> allowed)
        {
            if (value is null || !allowed.Contains(value)) faults.Add(new Fault(field, $"is {string.Join(", ", allowed.Take(allowed.Count - 1))} or {allowed[^1]}."));
        }
    }

    /// <summary>
    /// When the schedule is due, after an instant and up to another (Unix seconds), oldest first. Each local date has one: a time that clocks skip is due when they have jumped, one that comes twice the first time.
    /// </summary>
    public static IEnumerable<long> Due(ReportSchedule schedule, DateTimeZone zone, long after, long until)
    {
        var at = LocalTimePattern.CreateWithInvariantCulture("HH:mm").Parse(schedule.At!).Value;
        var last = Instant.FromUnixTimeSeconds(until).InZone(zone).Date.PlusDays(1);
        for (var date = Instant.FromUnixTimeSeconds(after).InZone(zone).Date.PlusDays(-1); date <= last; date = date.PlusDays(1))
        {
            if (schedule.Every == "week" && date.DayOfWeek != WeekdayOf(schedule.Weekday ?? "monday")) continue;
            if (schedule.Every == "month" && date.Day != (schedule.Day ?? 1)) continue;
            var due = zone.AtLeniently(date + at).ToInstant().ToUnixTimeSeconds();
            if (due > after && due <= until) yield return due;
        }
    }

    private static IsoDayOfWeek WeekdayOf(string name) => char.IsAsciiLetter(name.FirstOrDefault()) && Enum.TryParse<IsoDayOfWeek>(name, ignoreCase: true, out var day) ? day : IsoDayOfWeek.None;

    internal static bool IsName(string text) => text.Length is > 0 and <= 64 && text[0] != '.' && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
