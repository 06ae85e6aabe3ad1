using Metering.Service.Reports;

namespace Metering.Service.Ui;

/// <summary>What the explorer shows, as its link says it: the parameters of <c>/v1/usage</c> and <c>/v1/costs</c>, and which figure.</summary>
internal sealed record ExplorerQuery(string Measure, string GroupBy, string From, string? To, string Step, IReadOnlyList<string> Filters, string? TimeZone)
{
    public const int MaxRows = 10_000;

    /// <summary>Steps by the length of the range, so that a chart has some dozens of columns.</summary>
    public const string Auto = "auto";

    public bool IsCost => Measure == "cost";

    public UsageParameters Parameters(DateTimeOffset now) => new() { From = From, To = string.IsNullOrEmpty(To) ? null : To, Step = StepAt(now), GroupBy = GroupBy, Filter = [.. Filters], TimeZone = TimeZone, Limit = "10000" };

    /// <summary>The link that shows the same.</summary>
    public string Link => View.Link("/explore", [("measure", Measure), ("groupBy", GroupBy), ("from", From), ("to", To), ("step", Step == Auto ? null : Step), ("timeZone", TimeZone), .. Filters.Select(filter => ("filter", (string?)filter))]);

    /// <summary>The same rows from the API.</summary>
    public string Csv(DateTimeOffset now) =>
        View.Link(IsCost ? "/v1/costs" : "/v1/usage", [("from", From), ("to", To), ("step", StepAt(now)), ("groupBy", GroupBy), ("timeZone", TimeZone), .. Filters.Select(filter => ("filter", (string?)filter)), ("limit", "10000"), ("format", "csv")]);

    private string StepAt(DateTimeOffset now)
    {
        if (Step != Auto) return Step;
        return From switch
        {
            "today" or "yesterday" or "1d" => "hour",
            "7d" or "30d" or "thisMonth" or "lastMonth" => "day",
            "365d" => "month",
            _ => DateTimeOffset.TryParse(From, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out var from) ? ((now - from).TotalDays switch { <= 3 => "hour", <= 100 => "day", _ => "month" }) : "day",
        };
    }
}
