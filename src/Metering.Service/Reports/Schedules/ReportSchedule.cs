namespace Metering.Service.Reports.Schedules;

/// <summary>A report that is made and delivered by the clock.</summary>
public sealed record ReportSchedule
{
    /// <summary>usage, costs, forecast or recommendations.</summary>
    public string? Report { get; init; }

    /// <summary>As the parameters of the report's query; times such as <c>yesterday</c>, <c>lastMonth</c> or <c>7d</c> are as of the occurrence.</summary>
    public string? From { get; init; }

    public string? To { get; init; }

    public string? Step { get; init; }

    public string? GroupBy { get; init; }

    public IReadOnlyList<string>? Filter { get; init; }

    public string? With { get; init; }

    /// <summary>The report shows this tenant only, and goes by its zone; null: all.</summary>
    public string? Tenant { get; init; }

    /// <summary>IANA name; left out: the tenant's, or UTC.</summary>
    public string? TimeZone { get; init; }

    /// <summary>csv, json or xlsx.</summary>
    public string? Format { get; init; }

    /// <summary>day, week or month.</summary>
    public string? Every { get; init; }

    /// <summary>Local time, <c>06:00</c>.</summary>
    public string? At { get; init; }

    /// <summary>Of a week: monday (the default) to sunday.</summary>
    public string? Weekday { get; init; }

    /// <summary>Of a month: 1 (the default) to 28.</summary>
    public int? Day { get; init; }

    /// <summary>Below Reports:Directory, such as <c>finance/monthly</c>; null: not to a directory.</summary>
    public string? Directory { get; init; }

    /// <summary>The id of a webhook, which is told where the report can be fetched; null: none.</summary>
    public string? Webhook { get; init; }
}
