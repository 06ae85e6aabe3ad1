using System.Data.Common;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>
/// Costs by time and by anything that usage can be grouped by, at the prices of the books (a contract's discount, minimum and credits are on the period's statement).
/// Rates the stored rows in canonical order, starting from the sums of each tenant's month before the range.
/// </summary>
internal sealed class CostReport(LedgerStore store, LedgerOptions options)
{
    private sealed record Group(long Start, long Stop, string? Currency, Dictionary<string, object> Key)
    {
        public Amount? Cost { get; set; }

        public SortedDictionary<string, Amount> Charges { get; } = new(StringComparer.Ordinal);

        public void Add(in Charge charge)
        {
            var cost = charge.Cost;
            Cost = (Cost ?? Amount.Zero) + cost;
            Charges[charge.Line.Name] = Charges.GetValueOrDefault(charge.Line.Name) + cost;
        }

        public CostRowView View() => new(UsageReport.At(Start), UsageReport.At(Stop), Key, Currency, Cost?.ToDecimal(), Charges.ToDictionary(pair => pair.Key, pair => pair.Value.ToDecimal(), StringComparer.Ordinal));
    }

    private sealed record Run(UsageQuery Query, PriceCatalogue Prices, LedgerGrain Grain, Rater Rater)
    {
        public Dictionary<string, Group> Groups { get; } = new(StringComparer.Ordinal);

        public Group Find(int step, string? currency, Dictionary<string, object> key)
        {
            var name = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{step:D6}");
            foreach (var value in key.Values) name.Append('\u001f').Append(value is WorkloadKey workload ? $"{workload.Host}\u001e{workload.Kind}\u001e{workload.Id}" : value);
            var id = name.Append('\u001f').Append(currency).ToString();
            if (!Groups.TryGetValue(id, out var group)) Groups[id] = group = new Group(Query.Steps[step].Start, Query.Steps[step].Stop, currency, key);
            return group;
        }
    }

    public async Task<CostPage> RunAsync(UsageQuery query, CancellationToken cancel)
    {
        PriceCatalogue prices;
        await using (var context = await store.ReadContextAsync(cancel)) prices = await PriceCatalogue.LoadAsync(context, cancel);
        var grain = await LedgerGrain.ReadAsync(store, options, cancel);
        await using var connection = await store.OpenReadAsync(cancel);
        var traits = prices.AsksTraits ? await TraitsReader.ReadAsync(connection, cancel) : null;
        var run = new Run(query, prices, grain, new Rater(prices, traits));
        await new CostStart(store.IsPostgres, prices, grain, run.Rater).SkipAsync(connection, query.FromSeconds, cancel);
        await RateAsync(connection, run, cancel);
        Monthly(run);

        var ordered = run.Groups.OrderBy(pair => pair.Value.Start).ThenBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value).ToList();
        var page = ordered.Skip((int)Math.Min(query.Offset, int.MaxValue)).Take(query.Limit).Select(group => group.View()).ToList();
        var more = ordered.Count > query.Offset + query.Limit;
        return new CostPage(UsageReport.At(query.FromSeconds), UsageReport.At(query.ToSeconds), query.Step, page, more ? UsageQuery.Cursor(query.Offset + query.Limit) : null);
    }

    private static async Task RateAsync(DbConnection connection, Run run, CancellationToken cancel)
    {
        // Every row of a tenant takes part in its cumulative quantity; the filters only decide which are shown.
        var query = run.Query;
        var select = new UsageSelect(connection).WithOwner();
        var unfiltered = query with { Filters = [.. query.Filters.Where(filter => filter.Dimension.Name == "tenant")] };
        select.Where(unfiltered, query.FromSeconds, query.ToSeconds);
        var flag = Flag(query, select);
        var keys = query.GroupBy.SelectMany(UsageReport.Columns).ToList();
        select.Command.CommandText = "SELECT u.bucket, COALESCE(o.tenant, 'unattributed'), " + flag + ", u.workload" + string.Concat(MeterCatalogue.All.Select(meter => ", u." + meter.Column)) +
            string.Concat(keys.Select(key => ", " + key)) + select.From(null) + " ORDER BY u.bucket, u.workload";
        var charges = new List<Charge>();
        var values = new long[MeterCatalogue.All.Count];
        var step = 0;
        await using var rows = await select.Command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var bucket = rows.GetInt64(0);
            var known = UsageStream.Values(rows, 4, values);
            charges.Clear();
            var rater = run.Rater.For(rows.GetString(1));
            rater.Rate(bucket, run.Grain.LengthAt(bucket), rows.GetInt64(3), values, known, charges);
            if (rows.GetInt32(2) == 0) continue;
            while (step < query.Steps.Count - 1 && bucket >= query.Steps[step].Stop) step++;
            var at = 4 + values.Length;
            var group = run.Find(step, rater.Currency, UsageReport.ReadKey(rows, query, ref at));
            foreach (ref readonly var charge in CollectionsMarshal.AsSpan(charges)) group.Add(charge);
        }
    }

    // Prices per month are the tenant's: they belong to no workload, host or project, so any filter on those leaves them out.
    private static void Monthly(Run run)
    {
        var query = run.Query;
        if (query.Filters.Any(filter => filter.Dimension.Name != "tenant")) return;
        foreach (var tenant in run.Prices.Tenants.Keys.Where(tenant => query.Caller.Tenant is null || query.Caller.Tenant == tenant))
        {
            if (!query.Filters.All(filter => Fits(filter.Value, tenant)) || !run.Prices.BooksOf(tenant).SelectMany(run.Prices.Book).Any(validity => validity.Lines.Any(line => line.Unit == PricingUnit.Months))) continue;
            var key = query.GroupBy.ToDictionary(dimension => dimension.Name, dimension => dimension.Name switch
            {
                "tenant" => tenant,
                "workload" => (object)new WorkloadKey("", "flat", "Price per month", "", ""),
                _ => "",
            }, StringComparer.Ordinal);
            for (var step = 0; step < query.Steps.Count; step++)
            {
                foreach (var (_, _, _, _, charge) in run.Rater.For(tenant).Monthly(query.Steps[step].Start, query.Steps[step].Stop)) run.Find(step, charge.Line.Currency, key).Add(charge);
            }
        }
    }

    private static bool Fits(string value, string tenant) => value.EndsWith('*') ? tenant.StartsWith(value[..^1], StringComparison.Ordinal) : tenant == value;

    private static string Flag(UsageQuery query, UsageSelect select)
    {
        var conditions = query.Filters.Where(filter => filter.Dimension.Name != "tenant").Select(filter => select.Condition(filter.Dimension, filter.Value)).ToList();
        return conditions.Count == 0 ? "1" : "CASE WHEN " + string.Join(" AND ", conditions) + " THEN 1 ELSE 0 END";
    }
}
