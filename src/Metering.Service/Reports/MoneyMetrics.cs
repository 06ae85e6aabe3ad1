using Metering.Exposition;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Reports;

/// <summary>What tenants cost and how far quotas are, as metrics. Gauges only: a cost can go down when a price is put right, and a counter that goes down is read as one that began anew.</summary>
internal sealed class MoneyMetrics(LedgerStore store, LedgerOptions options, CostReport costs, QuotaReport quotas, TimeProvider clock, ILogger<MoneyMetrics> log)
{
    /// <summary>Tenants and quotas that have series of their own. What the other tenants cost is one series per currency, see <see cref="LedgerMetrics.Overflow"/>; of the other quotas, which have no sum, is told how many they are.</summary>
    private const int MaxSeries = 1_000;
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(60);

    /// <summary>A month that was never added up can take long: the scrape does not wait for it, the next one has it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private Action<MetricsWriter> _write = _ => { };
    private Task _reading = Task.CompletedTask;
    private long _readAt;

    /// <summary>Reads anew when the last reading is older than a minute: a month is rated for it.</summary>
    public async Task RefreshAsync(CancellationToken cancel)
    {
        Task reading;
        lock (_gate)
        {
            if (_reading.IsCompleted && (_readAt == 0 || clock.GetElapsedTime(_readAt) >= KeepFor)) (_readAt, _reading) = (clock.GetTimestamp(), Task.Run(ReadAsync, CancellationToken.None));
            reading = _reading;
        }

        await Task.WhenAny(reading, Task.Delay(Patience, clock, cancel));
    }

    private async Task ReadAsync()
    {
        try
        {
            var views = await quotas.ListAsync(Caller.Local, null, CancellationToken.None);
            var month = await MonthAsync(CancellationToken.None);
            _write = writer =>
            {
                WriteCosts(writer, month);
                WriteQuotas(writer, views);
            };
        }
        catch (Exception e)
        {
            // Absent and not what it was: an old figure would be taken for today's.
            _write = _ => { };
            log.LogWarning("Costs and quotas are not in this scrape: {Reason}", e.Message);
        }
    }

    public void Write(MetricsWriter writer) => _write(writer);

    private async Task<CostMonth> MonthAsync(CancellationToken cancel)
    {
        var parameters = new UsageParameters { From = "thisMonth", To = "now", Step = "total", GroupBy = "tenant" };
        var query = UsageQuery.From(parameters, Caller.Local, await LedgerGrain.ReadAsync(store, options, cancel), store.IsPostgres, clock.GetUtcNow(), out _);
        var (own, rest) = (new List<(string, string, decimal)>(), new SortedDictionary<string, decimal>(StringComparer.Ordinal));
        if (query is null) return new CostMonth(own, rest);
        await foreach (var row in costs.StreamAsync(query, cancel))
        {
            if (row is not { Cost: { } cost, Currency: { } currency }) continue;
            var tenant = row.Key["tenant"].ToString() ?? "";
            if (own.Count < MaxSeries || tenant == Tenants.OwnedInterval.UnattributedTenant) own.Add((tenant, currency, cost.ToNearest()));
            else rest[currency] = rest.GetValueOrDefault(currency) + cost.ToNearest();
        }

        return new CostMonth(own, rest);
    }

    private sealed record CostMonth(IReadOnlyList<(string Tenant, string Currency, decimal Cost)> Own, IReadOnlyDictionary<string, decimal> Rest);

    private static void WriteCosts(MetricsWriter writer, CostMonth month)
    {
        var family = writer.Gauge("metering_cost_month", "Cost of the month (UTC) so far, in the currency of the label. Exact figures are in the API.", bound: MaxSeries + LedgerMetrics.Beside);
        foreach (var (tenant, currency, cost) in month.Own) family.Sample((double)cost, ("tenant", tenant), ("currency", currency));
        foreach (var (currency, cost) in month.Rest) family.Sample((double)cost, LedgerMetrics.Overflow, ("currency", currency));
    }

    private static void WriteQuotas(MetricsWriter writer, IReadOnlyList<QuotaView> quotas)
    {
        writer.Gauge("metering_quotas_without_series", "Quotas beyond the first 1,000 by id, whose figures are only in the API.").Sample(Math.Max(0, quotas.Count - MaxSeries));
        Family("metering_quota_used_ratio", "Share of a quota's limit that is used in its open window, 1 is all of it.", quota => quota.Percent / 100);
        Family("metering_quota_used", "Used in the open window of a quota, in the unit of its limit.", quota => quota.Value);
        Family("metering_quota_limit", "Limit of a quota, in the API unit of its meter, or in the tenant's currency.", quota => quota.EffectiveLimit);

        void Family(string name, string help, Func<QuotaView, decimal?> value)
        {
            var family = writer.Gauge(name, help);
            foreach (var quota in quotas.Take(MaxSeries))
            {
                if (value(quota) is { } known) family.Sample((double)known, ("quota", quota.Id), ("tenant", quota.Subject.Tenant ?? ""), ("meter", quota.Meter), ("window", quota.Window));
            }
        }
    }
}
