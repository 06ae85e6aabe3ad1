using Metering.Service.Access;
using Metering.Service.Allocation;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>What hosts and overhead cost, and who has which share of it, by time and by whatever usage can be grouped by. What belongs to no workload has its tenant, and its host if it is of one.</summary>
internal sealed class AllocationReport(LedgerStore store, LedgerOptions options)
{
    private static readonly WorkloadKey OfTenant = new("", "tenant", "", "", "");
    private static readonly string[] Parts = [.. Enum.GetNames<AllocationPart>().Select(name => char.ToLowerInvariant(name[0]) + name[1..])];

    /// <summary>What of a query it does not answer; empty: nothing.</summary>
    public static IEnumerable<string> Faults(string allocation)
    {
        if (allocation != "hosts") yield return $"'allocation' is '{allocation}'; it is hosts, or left out for the price books.";
    }

    public async Task<AllocationPage> RunAsync(UsageQuery query, CancellationToken cancel)
    {
        AllocationBook book;
        await using (var context = await store.ReadContextAsync(Caller.Local, cancel)) book = await AllocationBook.LoadAsync(context, cancel);
        var grain = await LedgerGrain.ReadAsync(store, options, cancel);

        // Shares are of a whole that others are part of. Whose they are and what may be shown of them is read as the caller.
        FacetIndex facets;
        OwnerIndex owners;
        await using (var mine = await store.OpenReadAsync(query.Caller, cancel))
            (facets, owners) = (await FacetIndex.LoadAsync(mine, query, cancel), await OwnerIndex.ReadAsync(mine, query.FromSeconds, query.ToSeconds, cancel));
        await using var connection = await store.OpenReadAsync(Caller.Local, cancel);
        var sums = new Dictionary<(int Step, Facet Facet, string Currency), Int128[]>();
        var step = 0;
        var stream = await AllocationStream.OpenAsync(connection, book, grain, query.FromSeconds, query.ToSeconds, Add, cancel);
        await UsageStream.ReadAsync(connection, query.FromSeconds, query.ToSeconds, (tenant, bucket, workload, values, known) => stream.Add(tenant, bucket, workload, values, known), cancel);
        stream.Finish();
        var rows = sums.Where(pair => pair.Value.Any(part => part != 0)).OrderBy(pair => pair.Key.Step).ThenBy(pair => pair.Key.Facet.Order, StringComparer.Ordinal).ThenBy(pair => pair.Key.Currency, StringComparer.Ordinal)
            .Skip((int)Math.Min(query.Offset, int.MaxValue)).Take(query.Limit + 1).ToList();
        var more = rows.Count > query.Limit;
        return new AllocationPage(UsageReport.At(query.FromSeconds), UsageReport.At(query.ToSeconds), query.Step, [.. rows.Take(query.Limit).Select(pair => View(query, pair.Key, pair.Value))], more ? UsageQuery.Cursor(query.Offset + query.Limit) : null);

        void Add(AllocationBook.Version version, long bucket, long end, in Allocated row)
        {
            if (query.Caller.Tenant is { } only && row.Tenant != only) return;
            if ((row.Workload == 0 ? Whole(row.Tenant, row.Host) : facets.Find(row.Workload, bucket, owners.At(row.Workload, bucket))) is not { } facet) return;
            while (step < query.Steps.Count - 1 && bucket >= query.Steps[step].Stop) step++;
            var key = (step, facet, version.Given.Currency);
            if (!sums.TryGetValue(key, out var parts)) sums[key] = parts = new Int128[Parts.Length];
            parts[(int)row.Part] += row.Nano;
        }

        // Of no workload; null: it is not shown.
        Facet? Whole(string tenant, string host)
        {
            if (!query.Filters.All(filter => FacetIndex.Matches(filter.Value, (string)Value(filter.Dimension.Name)))) return null;
            return facets.Of(query.GroupBy.ToDictionary(one => one.Name, one => one.Name == "workload" ? OfTenant : Value(one.Name), StringComparer.Ordinal));

            object Value(string name) => name switch { "tenant" => tenant, "host" => host, _ => "" };
        }
    }

    /// <summary>The same as a table.</summary>
    public static ReportTable Table(UsageQuery query, AllocationPage page) => new("allocation",
        [.. ReportTables.Times, .. ReportTables.Keys(query.GroupBy), new("currency", 9), .. ReportTables.Numbers(["cost", .. Parts])],
        page.Rows.Select(row => (IReadOnlyList<object?>)[row.Start, row.End, .. ReportTables.KeyValues(query.GroupBy, row.Key), row.Currency, row.Cost, .. Parts.Select(name => (object?)(row.Parts.TryGetValue(name, out var part) ? part : null))]).ToAsyncEnumerable(),
        page.NextCursor);

    private static AllocationRow View(UsageQuery query, (int Step, Facet Facet, string Currency) key, Int128[] parts)
    {
        var (start, stop) = query.Steps[key.Step];
        var shown = Parts.Select((name, i) => (name, parts[i])).Where(part => part.Item2 != 0).ToDictionary(part => part.name, part => Money(part.Item2), StringComparer.Ordinal);
        return new AllocationRow(UsageReport.At(start), UsageReport.At(stop), key.Facet.Key, key.Currency, Money(parts.Aggregate(Int128.Zero, (sum, part) => sum + part)), shown);
    }

    private static decimal Money(Int128 nano) => new Amount(checked(nano * PriceLine.PriceScale)).ToDecimal();
}
