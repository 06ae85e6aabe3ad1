using System.Runtime.CompilerServices;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;

namespace Metering.Service.Reports;

/// <summary>
/// Costs by time and by anything that usage can be grouped by, at the prices of the books (a contract's discount, minimum and credits are on the period's statement). Rates in canonical order from
/// the beginning of each tenant's month, day by day: by the sums of the roll-up where only tenants are asked for or the day lies before the range, else by its parts, and row by row what neither has. One view of the ledger.
/// </summary>
internal sealed class CostReport(LedgerStore store, LedgerOptions options)
{
    public async Task<CostPage> RunAsync(UsageQuery query, CancellationToken cancel)
    {
        var rows = new List<CostRowView>();
        var (at, more) = (0L, false);
        await foreach (var row in StreamAsync(query, cancel))
        {
            if (at++ < query.Offset) continue;
            more = rows.Count == query.Limit;
            if (more) break;
            rows.Add(row);
        }

        if (query.With.HasFlag(CostExtras.Trend)) rows = await WithTrendAsync(query, rows, cancel);
        return new CostPage(UsageReport.At(query.FromSeconds), UsageReport.At(query.ToSeconds), query.Step, rows, more ? UsageQuery.Cursor(query.Offset + query.Limit) : null);
    }

    /// <summary>All rows, each step's as soon as its last day is rated; memory holds the steps of one day.</summary>
    public async IAsyncEnumerable<CostRowView> StreamAsync(UsageQuery query, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        var begin = prices.Tenants.Keys.Where(tenant => Wanted(query, tenant)).Select(tenant => TenantCalendar.PeriodOf(query.FromSeconds, prices.ZoneOf(tenant)).Start).Append(query.FromSeconds).Min();
        var onlyTenants = FacetIndex.AsksOnlyTenants(query);
        var summed = onlyTenants ? query.ToSeconds : query.FromSeconds;
        var days = await Rollup.DaysAsync(connection, begin, query.ToSeconds, cancel);
        var fingerprint = days.Count == 0 ? null : await RollupFingerprint.LoadAsync(view, prices, options, cancel);
        if (query.Caller.Tenant is not null)
        {
            // Which sums hold depends on everybody's configuration; from here on, in the same view, there is nobody else.
            await store.EnterAsync(connection, query.Caller, cancel);
            prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        }

        var run = new CostRun(query, prices, await LedgerGrain.ReadAsync(view, options), prices.AsksTraits ? await TraitsReader.ReadAsync(connection, cancel) : null,
            await OwnerIndex.ReadAsync(connection, begin, query.ToSeconds, cancel), await FacetIndex.LoadAsync(connection, query, cancel));
        var cells = days.Count == 0 ? [] : await Rollup.CellsAsync(connection, begin, summed, cancel);
        for (var day = begin / Rollup.Day * Rollup.Day; day < query.ToSeconds; day += Rollup.Day)
        {
            var (from, to) = (Math.Max(day, begin), Math.Min(day + Rollup.Day, query.ToSeconds));
            if (days.TryGetValue(day, out var row) && row.Holds(fingerprint!) && (onlyTenants || to <= query.FromSeconds) && run.TryAdd(cells.GetValueOrDefault(day) ?? [], row.Until)) from = Math.Max(from, row.Until);
            else if (row is not null && row.Holds(fingerprint!) && row.HasParts) from = await AddPartsAsync(connection, query, run, row, from, to, cancel);
            if (from < to) await UsageStream.ReadAsync(connection, from, to, run.Add, cancel, meters: run.Meters);
            foreach (var group in run.Take(to)) yield return group.View(query.With);
        }
    }

    // Takes the parts of a day, and the rows of the windows whose parts do not fit; from where on rows are left to read.
    private static async Task<long> AddPartsAsync(System.Data.Common.DbConnection connection, UsageQuery query, CostRun run, Rollup.DayRow day, long from, long to, CancellationToken cancel)
    {
        var windows = (await RollupParts.ReadAsync(connection, day.Start, query.Caller.Tenant, charged: true, cancel)).ToLookup(part => RollupPart.WindowOf(part.From));
        var unread = from;
        for (var window = RollupPart.WindowOf(from); window < Math.Min(to, day.Until); window += RollupPart.Window)
        {
            // What begins within a window is read row by row: the tenant's sums stand at its beginning, not at that.
            var parts = windows[window].ToList();
            if (window < from || !run.MayAdd(parts)) continue;
            if (unread < window) await UsageStream.ReadAsync(connection, unread, window, run.Add, cancel, meters: run.Meters);
            unread = window;
            if (run.TryAdd(parts)) unread = Math.Min(window + RollupPart.Window, day.Until);
        }

        return unread;
    }

    // The steps of the time before are matched by their order, as the first with the first.
    private async Task<List<CostRowView>> WithTrendAsync(UsageQuery query, List<CostRowView> rows, CancellationToken cancel)
    {
        var before = query.Before();
        var known = new Dictionary<(int Step, string Facet, string? Currency), CostRowView>();
        await foreach (var row in StreamAsync(before with { With = CostExtras.None }, cancel)) known[(StepOf(before, row), new Facet(row.Key).Order, row.Currency)] = row;
        return rows.ConvertAll(row =>
        {
            var step = StepOf(query, row);
            if (step >= before.Steps.Count) return row;
            var bounds = (UsageReport.At(before.Steps[step].Start), UsageReport.At(before.Steps[step].Stop));
            return row with { Trend = CostTrend.Of(row, known.GetValueOrDefault((step, new Facet(row.Key).Order, row.Currency)), bounds) };
        });
    }

    private static int StepOf(UsageQuery query, CostRowView row)
    {
        var (low, high) = (0, query.Steps.Count - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (query.Steps[middle].Stop > row.Start.ToUnixTimeSeconds()) high = middle;
            else low = middle + 1;
        }

        return low;
    }

    /// <summary>True when the tenant's costs may be seen, by filters and caller.</summary>
    internal static bool Wanted(UsageQuery query, string tenant) =>
        (query.Caller.Tenant is null || query.Caller.Tenant == tenant) && query.Filters.All(filter => filter.Dimension.Name != "tenant" || FacetIndex.Matches(filter.Value, tenant));
}
