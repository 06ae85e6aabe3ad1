using System.Collections.Concurrent;
using System.Globalization;
using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Reports;
using Metering.Service.Verification;

namespace Metering.Service.Ui;

/// <summary>
/// Reads what the page of workloads shows. Pages of the same tenant share a reading. Of many workloads the day is read as a whole, which the roll-up has, and its hours apart from it, which take longer.
/// State: readings of the last minute by tenant, for the present rate.
/// </summary>
internal sealed class OverviewFeed(UsageReport usage, CostReport costs, Inventory inventory, LedgerStore store, LedgerOptions ledger, TimeProvider clock)
{
    // 24 hours of some 800 workloads; above that the workloads are read without their hours.
    private const int MaxRows = 20_000;
    private static readonly TimeSpan RateOver = TimeSpan.FromSeconds(60);

    /// <summary>All that <see cref="Amounts"/> adds up.</summary>
    private static readonly Meter[] Meters = [MeterCatalogue.Cpu, MeterCatalogue.Memory, MeterCatalogue.IoReadBytes, MeterCatalogue.IoWriteBytes];

    private readonly SharedReading<Overview> _shared = new(clock);
    private readonly SharedReading<OverviewHours> _hours = new(clock);

    // By tenant: the range's start, an instant and the CPU seconds up to it. A tenant's is only touched in its turn to read.
    private readonly ConcurrentDictionary<string, Queue<(DateTimeOffset From, DateTimeOffset At, decimal Cpu)>> _history = new(StringComparer.Ordinal);

    /// <summary>The figures of the last day as far as the caller may see them.</summary>
    // No tenant's id is empty: "" is those who see all.
    public Task<Overview> GetAsync(Caller caller, CancellationToken cancel) => _shared.GetAsync(caller.Tenant ?? "", stop => ReadAsync(caller, _history.GetOrAdd(caller.Tenant ?? "", _ => []), stop), cancel);

    /// <summary>The hours of the tenants, for an <see cref="Overview"/> that has none.</summary>
    public Task<OverviewHours> HoursAsync(Caller caller, CancellationToken cancel) => _hours.GetAsync(caller.Tenant ?? "", stop => ReadHoursAsync(caller, stop), cancel);

    private async Task<OverviewHours> ReadHoursAsync(Caller caller, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var grain = await LedgerGrain.ReadAsync(store, ledger, cancel);
        var (isPriced, _) = await SizeAsync(caller, now, cancel);
        var byTenant = await usage.RunAsync(Query(grain, caller, now, "hour", "tenant"), cancel);
        var tenants = new LineBuilder();
        foreach (var row in byTenant.Rows) tenants.Add((string)row.Key["tenant"], null, row.Start).ForEach(amounts => amounts.Add(row.Quantities));
        if (isPriced)
        {
            foreach (var row in (await costs.RunAsync(Query(grain, caller, now, "hour", "tenant"), cancel)).Rows) tenants.Add((string)row.Key["tenant"], null, row.Start).ForEach(amounts => amounts.AddCost(row.Currency, row.Cost?.ToNearest()));
        }

        return new OverviewHours([.. Starts(byTenant.From, byTenant.To)], [.. tenants.Lines.Select(line => new ChartLine(line.Id, line.Tenant, line.Hours))], []);
    }

    private async Task<Overview> ReadAsync(Caller caller, Queue<(DateTimeOffset From, DateTimeOffset At, decimal Cpu)> history, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var grain = await LedgerGrain.ReadAsync(store, ledger, cancel);
        var (hosts, end) = await inventory.FleetAsync(caller, cancel);
        var (isPriced, isMany) = await SizeAsync(caller, now, cancel);

        // Beside each other: each has a view of the ledger of its own in any case.
        var step = isMany ? "total" : "hour";
        var costsTask = CostsAsync(step);
        var used = await usage.RunAsync(Query(grain, caller, now, step, "tenant,workload"), cancel);
        var hasHours = !isMany && used.NextCursor is null;
        if (!isMany && !hasHours)
        {
            used = await usage.RunAsync(Query(grain, caller, now, "total", "tenant,workload"), cancel);
            await costsTask;
            costsTask = CostsAsync("total");
        }

        var coverage = hasHours ? await usage.CoverageByHostAsync(Query(grain, caller, now, "total", "host"), cancel) : Coverage(used);
        var cost = await costsTask;
        var workloads = new LineBuilder();
        foreach (var row in used.Rows) workloads.Add((string)row.Key["tenant"], (WorkloadKey)row.Key["workload"], row.Start).ForEach(amounts => amounts.Add(row.Quantities));
        foreach (var row in cost.Rows) workloads.Add((string)row.Key["tenant"], (WorkloadKey)row.Key["workload"], row.Start).ForEach(amounts => amounts.AddCost(row.Currency, row.Cost?.ToNearest()));

        var day = new TenantDay();
        if (used.NextCursor is null && cost.NextCursor is null && used.Step == step)
        {
            // All of it is here: what the tenants used is the sum of it.
            day.Add(used.Rows);
            day.Add(cost.Rows);
        }
        else
        {
            day.Add((await usage.RunAsync(Query(grain, caller, now, step, "tenant"), cancel)).Rows);
            if (isPriced) day.Add((await costs.RunAsync(Query(grain, caller, now, step, "tenant"), cancel)).Rows);
        }

        var (tenants, total) = day.End();

        // A price per month is a line of its own, and no workload.
        var owned = workloads.Lines.Where(line => line.Workload!.Kind != "flat").GroupBy(line => line.Tenant, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
        return new Overview(
            used.From, used.To, now, end, caller.Tenant is null ? hosts : workloads.Lines.Where(line => line.Workload!.Kind != "flat").Select(line => line.Workload!.Host).Distinct(StringComparer.Ordinal).Count(), total, Rate(history, used.From, end ?? now, total.CpuSeconds), total.Cost.Count > 0,
            used.NextCursor is not null,
            [.. tenants.Lines.Select(line => new TenantLine(line.Tenant, owned.GetValueOrDefault(line.Tenant), line.Total)).OrderByDescending(line => line.Cost ?? -1).ThenByDescending(line => line.Cpu)],
            [.. workloads.Lines.Select(line => new WorkloadLine(line.Tenant, line.Workload!, line.Total, coverage.GetValueOrDefault(line.Workload!.Host))).OrderByDescending(line => line.Cpu)],
            isMany ? null : new OverviewHours([.. Starts(used.From, used.To)], [.. tenants.Lines.Select(line => new ChartLine(line.Id, line.Tenant, line.Hours))], hasHours ? [.. workloads.Lines.Select(line => new ChartLine(line.Id, line.Workload!.Name, line.Hours))] : []));

        Task<CostPage> CostsAsync(string by) => isPriced ? Task.Run(() => costs.RunAsync(Query(grain, caller, now, by, "tenant,workload"), cancel), cancel) : Task.FromResult(new CostPage(now, now, by, [], null));
    }

    // Each row has that of its workload's host.
    private static Dictionary<string, decimal?> Coverage(UsagePage used)
    {
        var coverage = new Dictionary<string, decimal?>(StringComparer.Ordinal);
        foreach (var row in used.Rows) coverage[((WorkloadKey)row.Key["workload"]).Host] = row.Coverage;
        return coverage;
    }

    private UsageQuery Query(LedgerGrain grain, Caller caller, DateTimeOffset now, string step, string groupBy)
    {
        var query = UsageQuery.From(new UsageParameters { From = "1d", Step = step, GroupBy = groupBy }, caller, grain, store.IsPostgres, now, out var faults)
            ?? throw new InvalidOperationException(string.Join(" ", faults));
        return query with { Limit = MaxRows, Meters = Meters };
    }

    // Whether anything has a price, and whether there are too many workloads for their hours.
    private async Task<(bool IsPriced, bool IsMany)> SizeAsync(Caller caller, DateTimeOffset now, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(caller, cancel);
        await using var prices = VerifyRun.Command(connection, "SELECT COUNT(*) FROM price_version");
        await using var workloads = VerifyRun.Command(connection, "SELECT COUNT(*) FROM workload WHERE ended = 0 OR last_seen >= @since", ("@since", now.AddDays(-1).ToUnixTimeSeconds()));
        return (Convert.ToInt64(await prices.ExecuteScalarAsync(cancel), CultureInfo.InvariantCulture) > 0, Convert.ToInt64(await workloads.ExecuteScalarAsync(cancel), CultureInfo.InvariantCulture) > MaxRows / 25);
    }

    private static IEnumerable<DateTimeOffset> Starts(DateTimeOffset from, DateTimeOffset to)
    {
        // As the steps of the query: the first may begin within an hour.
        for (var at = from; at < to; at = DateTimeOffset.FromUnixTimeSeconds((at.ToUnixTimeSeconds() / 3600 + 1) * 3600)) yield return at;
    }

    private static decimal? Rate(Queue<(DateTimeOffset From, DateTimeOffset At, decimal Cpu)> history, DateTimeOffset from, DateTimeOffset at, decimal? cpuSeconds)
    {
        if (cpuSeconds is not { } cpu) return null;

        // A range that starts later has lost its first hour: sums before and after do not compare.
        while (history.TryPeek(out var oldest) && (oldest.From != from || at - oldest.At > RateOver)) history.Dequeue();
        if (history.Count == 0 || history.Last().At < at) history.Enqueue((from, at, cpu));
        var first = history.Peek();
        var seconds = (decimal)(at - first.At).TotalSeconds;
        return seconds > 0 && cpu >= first.Cpu ? (cpu - first.Cpu) / seconds : null;
    }
}
