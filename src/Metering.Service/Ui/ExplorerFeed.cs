using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Reports;

namespace Metering.Service.Ui;

/// <summary>Reads what the explorer shows; pages that show the same share a reading.</summary>
internal sealed class ExplorerFeed(UsageReport usage, CostReport costs, LedgerStore store, LedgerOptions options, TimeProvider clock)
{
    private readonly SharedReading<ExplorerView> _shared = new(clock);

    /// <summary>Throws <see cref="PageRefusedException"/> when the query is not right.</summary>
    public Task<ExplorerView> GetAsync(ExplorerQuery query, Caller caller, CancellationToken cancel) => _shared.GetAsync(string.Join('\n', caller.Tenant ?? "", query.Link), stop => ReadAsync(query, caller, stop), cancel);

    private sealed record Row(DateTimeOffset Start, IReadOnlyDictionary<string, object> Key, string Unit, decimal? Value);

    private async Task<ExplorerView> ReadAsync(ExplorerQuery asked, Caller caller, CancellationToken cancel)
    {
        var measure = Measure.Find(asked.Measure) ?? throw new PageRefusedException(400, $"There is no meter '{asked.Measure}'; choose one from the list.");
        var now = clock.GetUtcNow();
        var grain = await LedgerGrain.ReadAsync(store, options, cancel);
        if (UsageQuery.From(asked.Parameters(now), caller, grain, store.IsPostgres, now, out var faults) is not { } query) throw new PageRefusedException(400, string.Join(" ", faults));
        List<Row> rows;
        bool more;
        if (measure.Meter is { } meter)
        {
            var page = await usage.RunAsync(query with { Meters = [meter] }, cancel);
            (rows, more) = ([.. page.Rows.Select(row => new Row(row.Start, row.Key, meter.Unit, row.Quantities.TryGetValue(meter.Name, out var value) ? value : null))], page.NextCursor is not null);
        }
        else
        {
            var page = await costs.RunAsync(query, cancel);
            (rows, more) = ([.. page.Rows.Select(row => new Row(row.Start, row.Key, row.Currency ?? "", row.Cost?.ToNearest()))], page.NextCursor is not null);
        }

        // Amounts of two currencies do not stack: the largest is drawn, all are in the table.
        var unit = rows.Where(row => row.Value is not null).GroupBy(row => row.Unit, StringComparer.Ordinal).OrderByDescending(group => group.Sum(row => row.Value!.Value)).FirstOrDefault()?.Key ?? "";
        var groups = rows.GroupBy(row => (new Facet(row.Key).Order, row.Unit)).Select(group => (group.Key.Unit, First: group.First(), Rows: group.ToList())).ToList();
        var totals = groups.GroupBy(group => group.Unit, StringComparer.Ordinal).ToDictionary(same => same.Key, same => same.Sum(group => Total(group.Rows, measure) ?? 0), StringComparer.Ordinal);
        var lines = groups.Select(group => Line(group.First, group.Unit, Total(group.Rows, measure), totals[group.Unit])).OrderByDescending(line => line.Total ?? -1).ThenBy(line => line.Name, StringComparer.Ordinal).ToList();
        var stacks = groups.Where(group => group.Unit == unit && group.Rows.Exists(row => row.Value is not null))
            .Select(group => new StackLine(new Facet(group.First.Key).Order, Line(group.First, unit, null, 0).Name, group.Rows.Where(row => row.Value is not null).ToDictionary(row => row.Start, row => row.Value!.Value))).ToList();
        return new ExplorerView(measure, UsageReport.At(query.FromSeconds), UsageReport.At(query.ToSeconds), query.Step, [.. query.Steps.Select(step => UsageReport.At(step.Start))], [.. query.GroupBy.Select(dimension => dimension.Name)], unit, lines, stacks, more);
    }

    // Peaks do not add up over time.
    private static decimal? Total(List<Row> rows, Measure measure)
    {
        var known = rows.Where(row => row.Value is not null).Select(row => row.Value!.Value).ToList();
        if (known.Count == 0) return null;
        return measure.Meter?.Kind == MeterKind.Peak ? known.Max() : known.Sum();
    }

    private static ExplorerLine Line(Row row, string unit, decimal? total, decimal all)
    {
        var (texts, filters) = (new List<string>(), new List<string>());
        foreach (var (name, value) in row.Key)
        {
            if (value is WorkloadKey workload)
            {
                texts.Add(workload.Name);
                filters.Add("host:" + workload.Host);
                filters.Add("path:" + workload.Path);
            }
            else
            {
                texts.Add((string)value);
                filters.Add(name.StartsWith("label:", StringComparison.Ordinal) ? $"{name}={value}" : $"{name}:{value}");
            }
        }

        return new ExplorerLine(new Facet(row.Key).Order + unit, texts, filters, unit, total, total is { } known && all > 0 ? known / all : null);
    }
}
