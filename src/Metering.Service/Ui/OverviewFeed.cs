using System.Collections.Concurrent;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Ui;

/// <summary>
/// Reads the overview for the pages that are open. Pages of the same tenant share a reading, and a reading is kept for ten times as long as it took,
/// so that open pages cost the ledger at most a tenth of one core, however many they are. State: one slot per tenant, each behind its own lock.
/// </summary>
internal sealed class OverviewFeed(UsageReport usage, CostReport costs, Inventory inventory, LedgerStore store, LedgerOptions ledger, TimeProvider clock)
{
    // 24 hours of some 800 workloads; above that the workloads are read without their hours.
    private const int MaxRows = 20_000;
    private static readonly TimeSpan KeepAtLeast = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan RateOver = TimeSpan.FromSeconds(60);

    private readonly ConcurrentDictionary<string, Slot> _slots = new(StringComparer.Ordinal);

    private sealed class Slot
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public Overview? Last { get; set; }

        public long ReadAt { get; set; }

        public TimeSpan Keep { get; set; }

        /// <summary>Readings of the last minute: the range's start, an instant and the CPU seconds up to it.</summary>
        public Queue<(DateTimeOffset From, DateTimeOffset At, decimal Cpu)> History { get; } = [];
    }

    /// <summary>The figures of the last day as far as the caller may see them.</summary>
    public async Task<Overview> GetAsync(Caller caller, CancellationToken cancel)
    {
        // No tenant's id is empty: "" is those who see all.
        var slot = _slots.GetOrAdd(caller.Tenant ?? "", _ => new Slot());
        await slot.Turn.WaitAsync(cancel);
        try
        {
            if (slot.Last is { } last && clock.GetElapsedTime(slot.ReadAt) < slot.Keep) return last;
            var began = clock.GetTimestamp();
            slot.Last = await ReadAsync(caller, slot, cancel);
            slot.ReadAt = clock.GetTimestamp();
            var kept = clock.GetElapsedTime(began) * 10;
            slot.Keep = kept > KeepAtLeast ? kept : KeepAtLeast;
            return slot.Last;
        }
        finally
        {
            slot.Turn.Release();
        }
    }

    private async Task<Overview> ReadAsync(Caller caller, Slot slot, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var grain = await LedgerGrain.ReadAsync(store, ledger, cancel);
        var hosts = await inventory.HostsAsync(caller, cancel);
        var byTenant = await usage.RunAsync(Query(grain, caller, now, "hour", "tenant"), cancel);
        var byWorkload = await usage.RunAsync(Query(grain, caller, now, "hour", "tenant,workload"), cancel);
        var cut = byWorkload.NextCursor is not null;
        if (cut) byWorkload = await usage.RunAsync(Query(grain, caller, now, "total", "tenant,workload"), cancel);
        var coverage = (await usage.RunAsync(Query(grain, caller, now, "total", "host"), cancel)).Rows.ToDictionary(row => (string)row.Key["host"], row => row.Coverage, StringComparer.Ordinal);
        var tenantCosts = new CostPage(byTenant.From, byTenant.To, "hour", [], null);
        var workloadCosts = tenantCosts;
        if (await HasPricesAsync(caller, cancel))
        {
            tenantCosts = await costs.RunAsync(Query(grain, caller, now, "hour", "tenant"), cancel);
            workloadCosts = await costs.RunAsync(Query(grain, caller, now, cut ? "total" : "hour", "tenant,workload"), cancel);
        }

        var tenants = new LineBuilder();
        foreach (var row in byTenant.Rows) tenants.Add((string)row.Key["tenant"], null, row.Start).ForEach(amounts => amounts.Add(row.Quantities));
        foreach (var row in tenantCosts.Rows) tenants.Add((string)row.Key["tenant"], null, row.Start).ForEach(amounts => amounts.AddCost(row.Currency, row.Cost?.ToNearest()));
        foreach (var row in byTenant.Rows) tenants.Add((string)row.Key["tenant"], null, row.Start).ForEach(amounts => amounts.AddUnscraped(row.UnscrapedCpuSeconds));
        var workloads = new LineBuilder();
        foreach (var row in byWorkload.Rows) workloads.Add((string)row.Key["tenant"], (WorkloadKey)row.Key["workload"], row.Start).ForEach(amounts => amounts.Add(row.Quantities));
        foreach (var row in workloadCosts.Rows) workloads.Add((string)row.Key["tenant"], (WorkloadKey)row.Key["workload"], row.Start).ForEach(amounts => amounts.AddCost(row.Currency, row.Cost?.ToNearest()));

        var total = new Amounts();
        foreach (var row in byTenant.Rows)
        {
            total.Add(row.Quantities);
            total.AddUnscraped(row.UnscrapedCpuSeconds);
        }

        foreach (var row in tenantCosts.Rows) total.AddCost(row.Currency, row.Cost?.ToNearest());
        DateTimeOffset? end = hosts.Count > 0 ? hosts.Max(host => host.LastWindowEnd) : null;
        // A price per month is a line of its own, and no workload.
        var owned = workloads.Lines.Where(line => line.Workload!.Kind != "flat").GroupBy(line => line.Tenant, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);
        return new Overview(
            byTenant.From, byTenant.To, now, end, caller.Tenant is null ? hosts.Count : coverage.Count, total, Rate(slot, byTenant.From, end ?? now, total.CpuSeconds), total.Cost.Count > 0,
            byWorkload.NextCursor is not null,
            [.. tenants.Lines.Select(line => new TenantLine(line.Tenant, owned.GetValueOrDefault(line.Tenant), line.Total)).OrderByDescending(line => line.Cost ?? -1).ThenByDescending(line => line.Cpu)],
            [.. workloads.Lines.Select(line => new WorkloadLine(line.Tenant, line.Workload!, line.Total, coverage.GetValueOrDefault(line.Workload!.Host))).OrderByDescending(line => line.Cpu)],
            [.. Hours(byTenant.From, byTenant.To)],
            [.. tenants.Lines.Select(line => new ChartLine(line.Id, line.Tenant, line.Hours))],
            cut ? [] : [.. workloads.Lines.Select(line => new ChartLine(line.Id, line.Workload!.Name, line.Hours))]);
    }

    private UsageQuery Query(LedgerGrain grain, Caller caller, DateTimeOffset now, string step, string groupBy)
    {
        var query = UsageQuery.From(new UsageParameters { From = "1d", Step = step, GroupBy = groupBy }, caller, grain, store.IsPostgres, now, out var faults)
            ?? throw new InvalidOperationException(string.Join(" ", faults));
        return query with { Limit = MaxRows };
    }

    private async Task<bool> HasPricesAsync(Caller caller, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(caller, cancel);
        return await context.Set<StoredPriceVersion>().AnyAsync(cancel);
    }

    private static IEnumerable<DateTimeOffset> Hours(DateTimeOffset from, DateTimeOffset to)
    {
        // As the steps of the query: the first may begin within an hour.
        for (var at = from; at < to; at = DateTimeOffset.FromUnixTimeSeconds((at.ToUnixTimeSeconds() / 3600 + 1) * 3600)) yield return at;
    }

    private static decimal? Rate(Slot slot, DateTimeOffset from, DateTimeOffset at, decimal? cpuSeconds)
    {
        if (cpuSeconds is not { } cpu) return null;

        // A range that starts later has lost its first hour: sums before and after do not compare.
        while (slot.History.TryPeek(out var oldest) && (oldest.From != from || at - oldest.At > RateOver)) slot.History.Dequeue();
        if (slot.History.Count == 0 || slot.History.Last().At < at) slot.History.Enqueue((from, at, cpu));
        var first = slot.History.Peek();
        var seconds = (decimal)(at - first.At).TotalSeconds;
        return seconds > 0 && cpu >= first.Cpu ? (cpu - first.Cpu) / seconds : null;
    }
}
