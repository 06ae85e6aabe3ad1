using Metering.Service.Rating;
using Metering.Service.Reports;

namespace Metering.Service.Ui;

/// <summary>Adds rows up by tenant, hour by hour and in total, whatever else they are grouped by. Money is rounded for show once all of it is there.</summary>
internal sealed class TenantDay
{
    private readonly Dictionary<(string Tenant, DateTimeOffset Start, string Currency), Amount> _costs = [];
    private readonly LineBuilder _tenants = new();
    private readonly Amounts _total = new();

    public void Add(IEnumerable<UsageRowView> rows)
    {
        foreach (var row in rows)
        {
            foreach (var amounts in (Amounts[])[.. Of(row.Key, row.Start), _total])
            {
                amounts.Add(row.Quantities);
                amounts.AddUnscraped(row.UnscrapedCpuSeconds);
            }
        }
    }

    public void Add(IEnumerable<CostRowView> rows)
    {
        foreach (var row in rows)
        {
            Of(row.Key, row.Start);
            if (row is not { Currency: { } currency, Cost: { } cost }) continue;
            var key = ((string)row.Key["tenant"], row.Start, currency);
            _costs[key] = _costs.GetValueOrDefault(key) + cost;
        }
    }

    /// <summary>The tenants, and all of them together. Nothing is added any more.</summary>
    public (LineBuilder Tenants, Amounts Total) End()
    {
        foreach (var ((tenant, start, currency), cost) in _costs)
        {
            foreach (var amounts in (Amounts[])[.. _tenants.Add(tenant, null, start), _total]) amounts.AddCost(currency, cost.ToNearest());
        }

        return (_tenants, _total);
    }

    private List<Amounts> Of(IReadOnlyDictionary<string, object> key, DateTimeOffset start) => _tenants.Add((string)key["tenant"], null, start);
}
