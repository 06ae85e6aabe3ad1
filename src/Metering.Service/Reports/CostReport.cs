using System.Data.Common;
using System.Globalization;
using System.Text;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>Costs by time and by anything that usage can be grouped by. Rates the stored rows in canonical order, starting from the sums of each tenant's month before the range.</summary>
internal sealed class CostReport(LedgerStore store)
{
    private sealed record Group(long Start, long Stop, string? Currency, Dictionary<string, object> Key)
    {
        public decimal? Cost { get; set; }

        public SortedDictionary<string, decimal> Charges { get; } = new(StringComparer.Ordinal);
    }

    public async Task<CostPage> RunAsync(UsageQuery query, CancellationToken cancel)
    {
        PriceCatalogue prices;
        await using (var context = await store.ReadContextAsync(cancel)) prices = await PriceCatalogue.LoadAsync(context, cancel);
        await using var connection = await store.OpenReadAsync(cancel);
        var rater = new Rater(prices);
        await StartAsync(connection, query, prices, rater, cancel);
        var groups = await RateAsync(connection, query, rater, cancel);

        var ordered = groups.OrderBy(pair => pair.Value.Start).ThenBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value).ToList();
        var page = ordered.Skip((int)Math.Min(query.Offset, int.MaxValue)).Take(query.Limit)
            .Select(group => new CostRowView(UsageReport.At(group.Start), UsageReport.At(group.Stop), group.Key, group.Currency, group.Cost, group.Charges)).ToList();
        var more = ordered.Count > query.Offset + query.Limit;
        return new CostPage(UsageReport.At(query.FromSeconds), UsageReport.At(query.ToSeconds), query.Step, page, more ? UsageQuery.Cursor(query.Offset + query.Limit) : null);
    }

    // What each tenant has used in its month before the range begins.
    private async Task StartAsync(DbConnection connection, UsageQuery query, PriceCatalogue prices, Rater rater, CancellationToken cancel)
    {
        foreach (var period in prices.Tenants.Keys.GroupBy(tenant => prices.PeriodStart(tenant, query.FromSeconds)))
        {
            if (period.Key >= query.FromSeconds) continue;
            await using var command = connection.CreateCommand();
            command.CommandText = "SELECT COALESCE(o.tenant, 'unattributed'), " + string.Join(", ", MeterCatalogue.All.Select(meter => UsageSelect.Sum(meter.Column, store.IsPostgres))) +
                " FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to " +
                string.Create(CultureInfo.InvariantCulture, $"WHERE u.bucket >= {period.Key} AND u.bucket < {query.FromSeconds} GROUP BY COALESCE(o.tenant, 'unattributed')");
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                var tenant = rows.GetString(0);
                if (!period.Contains(tenant)) continue;
                var at = 1;
                var sums = MeterCatalogue.All.Select(_ => UsageSelect.ReadSum(rows, store.IsPostgres, ref at)).ToArray();
                foreach (var line in prices.For(tenant, query.FromSeconds)) rater.Start(tenant, line.Sku, period.Key, sums[line.Meter.Index] ?? 0);
            }
        }
    }

    private async Task<Dictionary<string, Group>> RateAsync(DbConnection connection, UsageQuery query, Rater rater, CancellationToken cancel)
    {
        // Every row of a tenant takes part in its cumulative quantity; the filters only decide which are shown.
        var select = new UsageSelect(connection).WithOwner();
        var unfiltered = query with { Filters = [.. query.Filters.Where(filter => filter.Dimension.Name == "tenant")] };
        select.Where(unfiltered, query.FromSeconds, query.ToSeconds);
        var flag = Flag(query, select);
        var keys = query.GroupBy.SelectMany(UsageReport.Columns).ToList();
        select.Command.CommandText = "SELECT u.bucket, COALESCE(o.tenant, 'unattributed'), " + flag + string.Concat(MeterCatalogue.All.Select(meter => ", u." + meter.Column)) +
            string.Concat(keys.Select(key => ", " + key)) + select.From(null) + " ORDER BY u.bucket, u.workload";
        var groups = new Dictionary<string, Group>(StringComparer.Ordinal);
        var charges = new List<(PriceLine Line, decimal Quantity, decimal Cost)>();
        var quantities = new decimal?[MeterCatalogue.All.Count];
        var step = 0;
        await using var rows = await select.Command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var bucket = rows.GetInt64(0);
            var tenant = rows.GetString(1);
            for (var i = 0; i < quantities.Length; i++) quantities[i] = rows.IsDBNull(i + 3) ? null : rows.GetInt64(i + 3);
            rater.Rate(tenant, bucket, quantities, charges);
            if (rows.GetInt32(2) == 0) continue;
            while (step < query.Steps.Count - 1 && bucket >= query.Steps[step].Stop) step++;
            Add(groups, query, rows, step, charges);
        }

        return groups;
    }

    private static string Flag(UsageQuery query, UsageSelect select)
    {
        var conditions = query.Filters.Where(filter => filter.Dimension.Name != "tenant").Select(filter => select.Condition(filter.Dimension, filter.Value)).ToList();
        return conditions.Count == 0 ? "1" : "CASE WHEN " + string.Join(" AND ", conditions) + " THEN 1 ELSE 0 END";
    }

    private static void Add(Dictionary<string, Group> groups, UsageQuery query, DbDataReader rows, int step, List<(PriceLine Line, decimal Quantity, decimal Cost)> charges)
    {
        var at = 3 + MeterCatalogue.All.Count;
        var key = UsageReport.ReadKey(rows, query, ref at);
        var currency = charges.Count > 0 ? charges[0].Line.Currency : null;
        var name = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{step:D6}");
        foreach (var value in key.Values) name.Append('\u001f').Append(value is WorkloadKey workload ? $"{workload.Host}\u001e{workload.Kind}\u001e{workload.Id}" : value);
        var id = name.Append('\u001f').Append(currency).ToString();
        if (!groups.TryGetValue(id, out var group)) groups[id] = group = new Group(query.Steps[step].Start, query.Steps[step].Stop, currency, key);
        foreach (var (line, _, cost) in charges)
        {
            group.Cost = (group.Cost ?? 0) + cost;
            group.Charges[line.Meter.Name] = group.Charges.GetValueOrDefault(line.Meter.Name) + cost;
        }
    }
}
