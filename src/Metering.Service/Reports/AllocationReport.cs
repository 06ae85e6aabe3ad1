using Metering.Service.Allocation;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>What hosts and overhead cost, and who has which share of it, by time and by tenant, host and workload.</summary>
internal sealed class AllocationReport(LedgerStore store, LedgerOptions options)
{
    private static readonly WorkloadKey OfTenant = new("", "tenant", "", "", "");
    private static readonly string[] Dimensions = ["tenant", "host", "workload"];
    private static readonly string[] Parts = [.. Enum.GetNames<AllocationPart>().Select(name => char.ToLowerInvariant(name[0]) + name[1..])];

    /// <summary>What of a query it does not answer; empty: nothing.</summary>
    public static IEnumerable<string> Faults(string allocation, UsageQuery query)
    {
        if (allocation != "hosts") yield return $"'allocation' is '{allocation}'; it is hosts, or left out for the price books.";
        foreach (var one in query.GroupBy.Where(one => !Dimensions.Contains(one.Name))) yield return $"'groupBy' has '{one.Name}'; what hosts cost is grouped by {string.Join(", ", Dimensions)}.";
        foreach (var (one, _) in query.Filters.Where(one => one.Dimension.Name is not ("tenant" or "host"))) yield return $"The filter '{one.Name}' is none here; what hosts cost is filtered by tenant and host.";
    }

    public async Task<AllocationPage> RunAsync(UsageQuery query, CancellationToken cancel)
    {
        AllocationBook book;
        await using (var context = await store.ReadContextAsync(cancel)) book = await AllocationBook.LoadAsync(context, cancel);
        var grain = await LedgerGrain.ReadAsync(store, options, cancel);
        await using var connection = await store.OpenReadAsync(cancel);
        var sums = new SortedDictionary<(int Step, string Tenant, string Host, long Workload, string Currency), Int128[]>();
        var step = 0;
        var stream = await AllocationStream.OpenAsync(connection, book, grain, query.FromSeconds, query.ToSeconds, Add, cancel);
        await UsageStream.ReadAsync(connection, query.FromSeconds, query.ToSeconds, (tenant, bucket, workload, values, known) => stream.Add(tenant, bucket, workload, values, known), cancel);
        stream.Finish();
        var rows = sums.Where(pair => pair.Value.Any(part => part != 0)).Skip((int)Math.Min(query.Offset, int.MaxValue)).Take(query.Limit + 1).ToList();
        var more = rows.Count > query.Limit;
        var workloads = query.GroupsByWorkload ? await WorkloadsAsync(connection, rows.Select(row => row.Key.Workload).ToHashSet(), cancel) : [];
        return new AllocationPage(UsageReport.At(query.FromSeconds), UsageReport.At(query.ToSeconds), query.Step, [.. rows.Take(query.Limit).Select(pair => View(query, workloads, pair.Key, pair.Value))], more ? UsageQuery.Cursor(query.Offset + query.Limit) : null);

        void Add(AllocationBook.Version version, long bucket, long end, in Allocated row)
        {
            if (query.Caller.Tenant is { } only && row.Tenant != only) return;
            foreach (var (dimension, value) in query.Filters)
            {
                if (!Fits(value, dimension.Name == "tenant" ? row.Tenant : row.Host)) return;
            }

            while (step < query.Steps.Count - 1 && bucket >= query.Steps[step].Stop) step++;
            var key = (step, Grouped("tenant") ? row.Tenant : "", Grouped("host") ? row.Host : "", query.GroupsByWorkload ? row.Workload : 0, version.Given.Currency);
            if (!sums.TryGetValue(key, out var parts)) sums[key] = parts = new Int128[Parts.Length];
            parts[(int)row.Part] += row.Nano;
        }

        bool Grouped(string name) => query.GroupBy.Any(one => one.Name == name);
    }

    /// <summary>The same as a table.</summary>
    public static ReportTable Table(UsageQuery query, AllocationPage page) => new("allocation",
        [.. ReportTables.Times, .. ReportTables.Keys(query.GroupBy), new("currency", 9), .. ReportTables.Numbers(["cost", .. Parts])],
        page.Rows.Select(row => (IReadOnlyList<object?>)[row.Start, row.End, .. ReportTables.KeyValues(query.GroupBy, row.Key), row.Currency, row.Cost, .. Parts.Select(name => (object?)(row.Parts.TryGetValue(name, out var part) ? part : null))]).ToAsyncEnumerable(),
        page.NextCursor);

    private static AllocationRow View(UsageQuery query, Dictionary<long, WorkloadKey> workloads, (int Step, string Tenant, string Host, long Workload, string Currency) key, Int128[] parts)
    {
        var (start, stop) = query.Steps[key.Step];
        var named = query.GroupBy.ToDictionary(one => one.Name, one => one.Name switch
        {
            "tenant" => key.Tenant,
            "host" => key.Host,
            _ => (object)(workloads.GetValueOrDefault(key.Workload) ?? OfTenant),
        }, StringComparer.Ordinal);
        var shown = Parts.Select((name, i) => (name, parts[i])).Where(part => part.Item2 != 0).ToDictionary(part => part.name, part => Money(part.Item2), StringComparer.Ordinal);
        return new AllocationRow(UsageReport.At(start), UsageReport.At(stop), named, key.Currency, Money(parts.Aggregate(Int128.Zero, (sum, part) => sum + part)), shown);
    }

    private static async Task<Dictionary<long, WorkloadKey>> WorkloadsAsync(System.Data.Common.DbConnection connection, HashSet<long> wanted, CancellationToken cancel)
    {
        var found = new Dictionary<long, WorkloadKey>();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT id, key, kind, name, path, host FROM workload";
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            if (wanted.Contains(rows.GetInt64(0))) found[rows.GetInt64(0)] = new WorkloadKey(rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4), rows.GetString(5));
        }

        return found;
    }

    private static decimal Money(Int128 nano) => new Amount(checked(nano * PriceLine.PriceScale)).ToDecimal();

    private static bool Fits(string value, string text) => value.EndsWith('*') ? text.StartsWith(value[..^1], StringComparison.Ordinal) : text == value;
}
