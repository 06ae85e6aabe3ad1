using System.Globalization;
using System.Text;
using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ledger;
using NodaTime;

namespace Metering.Service.Reports;

/// <summary>A checked query for usage or cost.</summary>
internal sealed record UsageQuery
{
    public required long FromSeconds { get; init; }

    public required long ToSeconds { get; init; }

    public required string Step { get; init; }

    public required DateTimeZone Zone { get; init; }

    public required IReadOnlyList<(long Start, long Stop)> Steps { get; init; }

    public required IReadOnlyList<Dimension> GroupBy { get; init; }

    public required IReadOnlyList<(Dimension Dimension, string Value)> Filters { get; init; }

    public int Limit { get; init; } = 1000;

    /// <summary>A limit that is none: every row is streamed.</summary>
    public const string All = "all";

    public bool IsUnlimited => Limit == int.MaxValue;

    public long Offset { get; init; }

    /// <summary>What a usage report adds up: the fewer, the faster. Its share of estimated CPU time needs the CPU meter.</summary>
    public IReadOnlyList<Meter> Meters { get; init; } = MeterCatalogue.All;

    /// <summary>What a cost report tells beside costs.</summary>
    public CostExtras With { get; init; }

    /// <summary>Who asks; a reader is held to its tenant here, below every endpoint.</summary>
    public required Caller Caller { get; init; }

    public bool GroupsByWorkload => GroupBy.Any(dimension => dimension.Name == "workload");

    /// <summary>Checks the parameters. All faults at once; the query is null when there are any.</summary>
    public static UsageQuery? From(UsageParameters given, Caller caller, LedgerGrain grain, bool postgres, DateTimeOffset clock, out List<string> faults)
    {
        faults = [];
        var now = Instant.FromDateTimeOffset(clock);
        var zone = DateTimeZoneProviders.Tzdb.GetZoneOrNull(given.TimeZone ?? "UTC");
        if (zone is null) faults.Add($"The time zone '{given.TimeZone}' is unknown; give an IANA name such as Europe/Berlin.");
        var inZone = zone ?? DateTimeZone.Utc;
        if (!TimeRange.TryInstant(given.From ?? "1d", inZone, now, end: false, out var from)) faults.Add($"'from' is '{given.From}'; give RFC 3339, now, today, 7d or 2026-10.");
        var toText = given.To ?? (IsMonth(given.From) ? given.From! : "now");
        if (!TimeRange.TryInstant(toText, inZone, now, end: true, out var to)) faults.Add($"'to' is '{given.To}'; give RFC 3339, now, today or 2026-10.");
        var fromSeconds = grain.Floor(from.ToUnixTimeSeconds());
        var toSeconds = grain.Ceiling(Ceiling(to));
        if (faults.Count == 0 && fromSeconds > toSeconds) faults.Add("'from' is after 'to'.");
        if (toSeconds == fromSeconds) toSeconds += grain.LengthAt(fromSeconds);

        var step = given.Step ?? "total";
        List<(long, long)>? steps = null;
        if (step is not ("total" or "15m" or "hour" or "day" or "month")) faults.Add($"'step' is '{step}'; it is total, 15m, hour, day or month.");
        else if (step == "15m" && grain.LengthAt(fromSeconds) > LedgerGrain.Fine) faults.Add(grain.FineFrom == long.MaxValue ? "The ledger's grain is 1 h, so there are no steps of 15m; set Ledger:Grain to 15min." : $"The ledger's grain is 1 h before {DateTimeOffset.FromUnixTimeSeconds(grain.FineFrom):O}, so there are no steps of 15m before.");
        else if (faults.Count == 0 && (steps = TimeRange.Steps(step, fromSeconds, toSeconds, inZone)) is null) faults.Add($"The range has more than {TimeRange.MaxSteps} steps; take a longer step or a shorter range.");

        var groups = ReadGroups(given.GroupBy, postgres, faults);
        var filters = ReadFilters(given.Filter, postgres, faults);
        var limit = 1000;
        if (given.Limit == All) limit = int.MaxValue;
        else if (given.Limit is not null && (!int.TryParse(given.Limit, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > 10_000)) faults.Add($"'limit' is {given.Limit}; it is 1 to 10000.");
        var offset = 0L;
        if (given.Cursor is not null && !TryCursor(given.Cursor, out offset)) faults.Add("The cursor is none of ours; use nextCursor of the page before.");
        var with = CostExtras.None;
        foreach (var name in (given.With ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!char.IsAsciiLetter(name[0]) || !Enum.TryParse<CostExtras>(name, ignoreCase: true, out var extra) || extra == CostExtras.None) faults.Add($"'with' has '{name}'; it may have trend, unitCosts, idle.");
            else with |= extra;
        }

        if (faults.Count > 0) return null;
        return new UsageQuery
        {
            With = with,
            FromSeconds = fromSeconds,
            ToSeconds = toSeconds,
            Step = step,
            Zone = inZone,
            Steps = steps!,
            GroupBy = groups,
            Filters = filters,
            Limit = limit,
            Offset = offset,
            Caller = caller,
        };
    }

    /// <summary>The same query for the time before: as many months before for whole months of the zone, otherwise as long a time just before.</summary>
    public UsageQuery Before()
    {
        var (from, to) = (Instant.FromUnixTimeSeconds(FromSeconds).InZone(Zone), Instant.FromUnixTimeSeconds(ToSeconds).InZone(Zone));
        var begin = 2 * FromSeconds - ToSeconds;
        if (from.Day == 1 && to.Day == 1 && from.TimeOfDay == LocalTime.Midnight && to.TimeOfDay == LocalTime.Midnight)
        {
            var months = (to.Year - from.Year) * 12 + to.Month - from.Month;
            begin = from.Date.PlusMonths(-months).AtStartOfDayInZone(Zone).ToInstant().ToUnixTimeSeconds();
        }

        return this with { FromSeconds = begin, ToSeconds = FromSeconds, Steps = TimeRange.Steps(Step, begin, FromSeconds, Zone) ?? [(begin, FromSeconds)], Offset = 0, Limit = int.MaxValue };
    }

    public static string Cursor(long offset) => Convert.ToBase64String(Encoding.ASCII.GetBytes("o" + offset.ToString(CultureInfo.InvariantCulture))).TrimEnd('=');

    private static bool TryCursor(string text, out long offset)
    {
        offset = 0;
        try
        {
            var bytes = Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='));
            return bytes.Length > 1 && bytes[0] == 'o' && long.TryParse(Encoding.ASCII.GetString(bytes, 1, bytes.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out offset);
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static List<Dimension> ReadGroups(string? text, bool postgres, List<string> faults)
    {
        var groups = new List<Dimension>();
        foreach (var name in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (name is "name" or "path" || !Dimension.TryFind(name, postgres, out var dimension)) faults.Add($"'groupBy' has '{name}'; it may have {string.Join(", ", Dimension.Names)}.");
            else if (groups.All(known => known.Name != name)) groups.Add(dimension);
        }

        return groups;
    }

    private static List<(Dimension, string)> ReadFilters(string[]? texts, bool postgres, List<string> faults)
    {
        var filters = new List<(Dimension, string)>();
        foreach (var text in texts ?? [])
        {
            if (!TryFilter(text, postgres, out var dimension, out var value)) faults.Add($"The filter '{text}' is none; write tenant:a, project:p, host:h, kind:docker, workload:ID, name:N, path:/x* or label:env=prod.");
            else filters.Add((dimension, value));
        }

        return filters;
    }

    /// <summary>Reads <c>tenant:a</c> or <c>label:env=prod</c>.</summary>
    public static bool TryFilter(string text, bool postgres, out Dimension dimension, out string value)
    {
        var at = text.StartsWith("label:", StringComparison.Ordinal) ? text.IndexOf('=') : text.IndexOf(':');
        value = text[(at + 1)..];
        dimension = null!;
        return at > 0 && Dimension.TryFind(text[..at], postgres, out dimension);
    }

    private static bool IsMonth(string? text) => text is { Length: 7 } && text[4] == '-' || text is "lastMonth" or "thisMonth" or "yesterday";

    private static long Ceiling(Instant instant) => instant.ToUnixTimeTicks() % NodaConstants.TicksPerSecond == 0 ? instant.ToUnixTimeSeconds() : instant.ToUnixTimeSeconds() + 1;
}
