using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Spreadsheets;

namespace Metering.Service.Reports;

/// <summary>Every report as a table, by name: what CSV, workbooks and scheduled reports are made of.</summary>
internal sealed class ReportTables(UsageReport usage, CostReport costs, ForecastReport forecasts, RecommendationReport recommendations, LedgerStore store, LedgerOptions options)
{
    public static readonly IReadOnlyList<string> Names = ["usage", "costs", "forecast", "recommendations"];

    private static readonly string[] Meters = [.. MeterCatalogue.All.Select(meter => meter.Name)];
    private static readonly string[] Charged = [.. Meters, "workloadHours", "workloadMonths", "months"];

    /// <summary>The table; null with all faults of the parameters. Its rows are made while they are read.</summary>
    public async Task<ReportTable?> MakeAsync(string report, UsageParameters parameters, Caller caller, DateTimeOffset now, List<string> faults, CancellationToken cancel)
    {
        if (report == "forecast") return await forecasts.RunAsync(parameters, caller, now, faults, cancel) is { } found ? Forecast(parameters, found) : null;
        if (report == "recommendations") parameters = Recommended(parameters);
        var query = UsageQuery.From(parameters, caller, await LedgerGrain.ReadAsync(store, options, cancel), store.IsPostgres, now, out var wrong);
        faults.AddRange(wrong);
        if (query is null) return null;
        if (query.IsUnlimited && (report != "costs" || query.With.HasFlag(CostExtras.Trend))) query = query with { Limit = ReportTable.MaxSheetRows };
        switch (report)
        {
            case "usage":
                var used = await usage.RunAsync(query, cancel);
                return Usage(query, used);
            case "recommendations":
                return Recommendations(await recommendations.RunAsync(query, cancel));
            default:
                if (query.IsUnlimited) return Costs(query, costs.StreamAsync(query, cancel), null);
                var page = await costs.RunAsync(query, cancel);
                return Costs(query, page.Rows.ToAsyncEnumerable(), page.NextCursor);
        }
    }

    /// <summary>Two weeks unless told otherwise.</summary>
    internal static UsageParameters Recommended(UsageParameters parameters) => parameters with { From = parameters.From ?? "14d", Step = "total", GroupBy = null, With = null };

    private static ReportTable Usage(UsageQuery query, UsagePage page) => new("usage",
        [.. Times, .. Keys(query.GroupBy), .. Numbers(Meters), .. Numbers(["coverage", "estimatedShare", "unscrapedCpuSeconds", "unscrapedShare"])],
        page.Rows.Select(row => (IReadOnlyList<object?>)
            [row.Start, row.End, .. KeyValues(query.GroupBy, row.Key), .. Meters.Select(name => (object?)(row.Quantities.TryGetValue(name, out var value) ? value : null)), row.Coverage, row.EstimatedShare, row.UnscrapedCpuSeconds, row.UnscrapedShare]).ToAsyncEnumerable(),
        page.NextCursor);

    private static ReportTable Costs(UsageQuery query, IAsyncEnumerable<CostRowView> rows, string? next)
    {
        var (trend, units, idle) = (query.With.HasFlag(CostExtras.Trend), query.With.HasFlag(CostExtras.UnitCosts), query.With.HasFlag(CostExtras.Idle));
        var columns = new List<Sheet.Column>([.. Times, .. Keys(query.GroupBy), new("currency", 9), .. Numbers(["cost", .. Charged])]);
        if (trend) columns.AddRange(Numbers(["previousCost", "change", "changeShare"]));
        if (units) columns.AddRange(Charged.SelectMany(name => (Sheet.Column[])[.. Numbers([name + "UnitCost"]), new(name + "Unit", 12)]));
        if (idle) columns.AddRange(Numbers([.. RollupCell.Idle.Select(pair => pair.Used.Name + "IdleShare")]));
        return new ReportTable("costs", columns, rows.Select(Row), next);

        IReadOnlyList<object?> Row(CostRowView row)
        {
            var values = new List<object?>([row.Start, row.End, .. KeyValues(query.GroupBy, row.Key), row.Currency, row.Cost, .. Charged.Select(name => (object?)(row.Charges.TryGetValue(name, out var value) ? value : null))]);
            if (trend) values.AddRange([row.Trend?.Previous, row.Trend?.Change, row.Trend?.ChangeShare]);
            if (units) values.AddRange(Charged.SelectMany(name => row.UnitCosts!.GetValueOrDefault(name) is { } unit ? (object?[])[unit.Cost, unit.Unit] : [null, null]));
            if (idle) values.AddRange(RollupCell.Idle.Select(pair => (object?)(row.IdleShares!.TryGetValue(pair.Used.Name, out var share) ? share : null)));
            return values;
        }
    }

    private static ReportTable Forecast(UsageParameters parameters, (List<ForecastRowView> Rows, DateTimeOffset From, DateTimeOffset To) found)
    {
        var groups = (parameters.GroupBy ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct(StringComparer.Ordinal).Select(name => new Dimension(name, "", false)).ToList();
        return new ReportTable("forecast", [.. Times, .. Keys(groups), new("currency", 9), .. Numbers(["costToDate", "forecast"]), new("reason", 40)],
            found.Rows.Select(row => (IReadOnlyList<object?>)[found.From, found.To, .. KeyValues(groups, row.Key), row.Currency, row.ToDate, row.Forecast, row.Reason]).ToAsyncEnumerable());
    }

    private static ReportTable Recommendations(List<RecommendationView> rows) => new("recommendations",
        [new("tenant", 20), .. Keys([new Dimension("workload", "", false)]), new("resource", 10), .. Numbers(["reserved", "used95", "suggested", "monthlySaving"]), new("currency", 9), new("reason", 60)],
        rows.Select(row => (IReadOnlyList<object?>)[row.Tenant, row.Workload.Id, row.Workload.Kind, row.Workload.Name, row.Workload.Path, row.Workload.Host, row.Resource, row.Reserved, row.Used95, row.Suggested, row.MonthlySaving, row.Currency, row.Reason]).ToAsyncEnumerable());

    internal static IReadOnlyList<Sheet.Column> Times => [new("start", 20), new("end", 20)];

    internal static IEnumerable<Sheet.Column> Numbers(IEnumerable<string> names) => names.Select(name => new Sheet.Column(name, Math.Max(12, name.Length + 2), CellStyle.Number));

    internal static IEnumerable<Sheet.Column> Keys(IEnumerable<Dimension> groups) => groups.SelectMany(dimension => dimension.Name == "workload"
        ? (IEnumerable<Sheet.Column>)[new("workloadId", 20), new("workloadKind", 12), new("workloadName", 24), new("workloadPath", 40), new("workloadHost", 16)] : [new(dimension.Name, 20)]);

    internal static IEnumerable<object?> KeyValues(IEnumerable<Dimension> groups, IReadOnlyDictionary<string, object> key) => groups.SelectMany(dimension =>
        key[dimension.Name] is WorkloadKey workload ? (IEnumerable<object?>)[workload.Id, workload.Kind, workload.Name, workload.Path, workload.Host] : [key[dimension.Name]]);
}
