using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Live;
using Metering.Service.Quotas;
using Metering.Service.Reports;

namespace Metering.Service.Ui;

/// <summary>Reads the first page, from the roll-up where it can: no row of a workload is touched for the days that are added up.</summary>
internal sealed class HomeFeed(ForecastReport forecasts, CostReport costs, UsageReport usage, LiveFeed live, QuotaReport quotas, Inventory inventory, LedgerStore store, LedgerOptions options, TimeProvider clock)
{
    private const int MaxRows = 10_000;
    private readonly SharedReading<Home> _shared = new(clock);

    public Task<Home> GetAsync(Caller caller, CancellationToken cancel) => _shared.GetAsync(caller.Tenant ?? "", stop => ReadAsync(caller, stop), cancel);

    private async Task<Home> ReadAsync(Caller caller, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var faults = new List<string>();
        var (month, from, to) = await forecasts.RunAsync(new UsageParameters { GroupBy = "tenant" }, caller, now, faults, cancel) ?? throw new InvalidOperationException(string.Join(" ", faults));
        var grain = await LedgerGrain.ReadAsync(store, options, cancel);
        var query = UsageQuery.From(new UsageParameters { From = "thisMonth", To = "now", Step = "day", GroupBy = "tenant" }, caller, grain, store.IsPostgres, now, out var wrong) ?? throw new InvalidOperationException(string.Join(" ", wrong));
        var days = await costs.RunAsync(query with { Limit = MaxRows }, cancel);
        var present = await live.GetAsync(caller, cancel);
        var hosts = await inventory.HostsAsync(caller, cancel);
        var priced = month.Where(row => row is { Currency: not null, ToDate: not null }).ToList();
        var perHour = present.Workloads.Where(row => row is { Currency: not null, CostPerHour: not null }).GroupBy(row => row.Currency!, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Sum(row => row.CostPerHour!.Value), StringComparer.Ordinal);
        return new Home(
            now, from, to,
            [
                .. priced.GroupBy(row => row.Currency!, StringComparer.Ordinal).Select(group => new HomeSum(
                    group.Key, group.Sum(row => row.ToDate!.Value.ToNearest()), group.All(row => row.Forecast is null) ? null : group.Sum(row => row.Forecast ?? row.ToDate!.Value.ToNearest()),
                    group.FirstOrDefault(row => row.Forecast is null)?.Reason, perHour.TryGetValue(group.Key, out var rate) ? rate : null)).OrderByDescending(sum => sum.ToDate),
            ],
            Tenants(month, present),
            [.. query.Steps.Select(step => UsageReport.At(step.Start))],
            days.Rows.Where(row => row is { Currency: not null, Cost: not null }).GroupBy(row => row.Currency!, StringComparer.Ordinal).ToDictionary(group => group.Key, Lines, StringComparer.Ordinal),
            present, await quotas.ListAsync(caller, null, cancel), hosts, await CoverageAsync(caller, hosts, grain, now, cancel), priced.Count > 0);
    }

    private static List<HomeTenant> Tenants(List<ForecastRowView> month, LiveView present)
    {
        var now = present.Workloads.GroupBy(row => row.Tenant, StringComparer.Ordinal).ToDictionary(group => group.Key, group => (Cores: group.Sum(row => row.CpuCores ?? 0), PerHour: group.Any(row => row.CostPerHour is not null) ? group.Sum(row => row.CostPerHour ?? 0) : (decimal?)null), StringComparer.Ordinal);
        return
        [
            .. month.Select(row => new HomeTenant((string)row.Key["tenant"], row.ToDate is null ? null : row.Currency, row.ToDate?.ToNearest(), row.Forecast, now.GetValueOrDefault((string)row.Key["tenant"]).Cores, now.GetValueOrDefault((string)row.Key["tenant"]).PerHour))
                .OrderByDescending(row => row.ToDate ?? -1).ThenByDescending(row => row.Cores).ThenBy(row => row.Tenant, StringComparer.Ordinal),
        ];
    }

    private static IReadOnlyList<StackLine> Lines(IEnumerable<CostRowView> rows) =>
        [.. rows.GroupBy(row => (string)row.Key["tenant"], StringComparer.Ordinal).Select(group => new StackLine(group.Key, group.Key, group.ToDictionary(row => row.Start, row => row.Cost!.Value.ToNearest())))];

    // A reader of one tenant is told the share without the hosts.
    private async Task<decimal?> CoverageAsync(Caller caller, List<HostView> hosts, LedgerGrain grain, DateTimeOffset now, CancellationToken cancel)
    {
        if (caller.Tenant is null) return hosts.Where(host => host.Coverage is not null).Select(host => host.Coverage).DefaultIfEmpty().Average();
        var query = UsageQuery.From(new UsageParameters { From = "1d" }, caller, grain, store.IsPostgres, now, out _)!;
        return (await usage.RunAsync(query, cancel)).Rows.Select(row => row.Coverage).FirstOrDefault();
    }
}
