using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>
/// Counts figures anew from the ledger, after what decides them has changed: the quota, ownership, a zone, prices, names that came late. The caller has waited for those who write usage.
/// Minutes are not in the ledger: a rate begins with what comes.
/// </summary>
internal static class QuotaRebuild
{
    private static readonly string Meters = string.Concat(MeterCatalogue.All.Select(meter => ", u." + meter.Column));

    /// <summary>
    /// Begins anew what measures something else now, and ends its alerts; counts the figures of the open windows, one chunk of them. True: there is more, which <see cref="QuotaCounter"/> counts;
    /// the revision is raised, so that who writes usage asks how far it is.
    /// </summary>
    public static async Task<bool> RunAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, IReadOnlyList<CompiledQuota> quotas, LedgerGrain grain, DateTimeOffset now, long chunkRows)
    {
        var seconds = now.ToUnixTimeSeconds();
        await QuotaGrowthLog.OpenAsync(transaction);
        var needs = new Dictionary<CompiledQuota, long>();
        foreach (var quota in quotas)
        {
            var clock = await QuotaLedger.EnterAsync(transaction, quota, now);
            if (clock.Measured != quota.Measured)
            {
                var (start, end) = quota.WindowOf(seconds);
                await QuotaLedger.JudgeAsync(transaction, catalogue, quota, [new QuotaReading(seconds, seconds, start, end, null)], now, isEnding: true);
                await transaction.ExecuteAsync("DELETE FROM quota_window WHERE quota = @quota", ("@quota", quota.Id));
                await transaction.ExecuteAsync("UPDATE quota_clock SET since = @now, judged_to = @now, measured = @measured WHERE quota = @quota", ("@now", seconds), ("@measured", quota.Measured), ("@quota", quota.Id));
            }

            await QuotaLedger.MoveWindowsAsync(transaction, quota, seconds);
            await transaction.ExecuteAsync("UPDATE quota_clock SET basis = @basis WHERE quota = @quota", ("@basis", catalogue.BasisOf(quota)), ("@quota", quota.Id));
            if (quota.Slots != QuotaSlots.Minutes) needs[quota] = QuotaMeasure.Need(quota, [], seconds, grain, seconds);
        }

        if (needs.Count == 0) return false;
        foreach (var (quota, from) in needs)
        {
            await transaction.ExecuteAsync("DELETE FROM quota_window WHERE quota = @quota AND window_start >= @from", ("@quota", quota.Id), ("@from", from));
            await QuotaCount.WriteAsync(transaction, quota.Id, new QuotaCount(from, needs.Values.Min()));
        }

        await StepAsync(transaction, catalogue, chunkRows);
        if ((await QuotaCount.ReadAsync(transaction)).Count == 0) return false;
        await LedgerSnapshot.RaiseAsync(transaction);
        return true;
    }

    /// <summary>Counts the next chunk of the quotas that are least far.</summary>
    public static async Task StepAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, long chunkRows)
    {
        var counts = await QuotaCount.ReadAsync(transaction);
        if (counts.Count == 0) return;
        await QuotaGrowthLog.OpenAsync(transaction);
        var from = counts.Values.Min(count => count.To);
        var to = await EndOfChunkAsync(transaction, from, chunkRows);
        var needs = catalogue.Quotas.Where(quota => counts.TryGetValue(quota.Id, out var count) && count.To == from).ToDictionary(quota => quota, quota => counts[quota.Id].From);
        var growth = new QuotaGrowth(catalogue, (quota, bucket) => needs.TryGetValue(quota, out var since) && bucket >= since);
        if (needs.Count > 0) await CountAsync(transaction, needs.Keys, from, to, growth);
        await QuotaWindows.AddAsync(transaction, growth.InOrder());
        await QuotaCount.MoveAsync(transaction, from, to);
    }

    // Whole buckets; by the key of the table.
    private static async Task<long> EndOfChunkAsync(LedgerTransaction transaction, long from, long rows)
    {
        var at = await transaction.ScalarAsync(transaction.Command("SELECT bucket FROM usage WHERE bucket >= @from ORDER BY bucket LIMIT 1 OFFSET @rows", ("@from", from), ("@rows", rows)));
        if (at is null || at > from) return at ?? long.MaxValue;
        return await transaction.ScalarAsync(transaction.Command("SELECT MIN(bucket) FROM usage WHERE bucket > @from", ("@from", from))) ?? long.MaxValue;
    }

    private static async Task CountAsync(LedgerTransaction transaction, IReadOnlyCollection<CompiledQuota> quotas, long from, long to, QuotaGrowth growth)
    {
        var workloads = await WorkloadsAsync(transaction);
        var tenants = quotas.Select(quota => quota.Document.Subject.Tenant).Distinct().ToArray();
        var tenant = tenants.Length == 1 ? tenants[0] : null;
        var command = transaction.Command($"""
            SELECT u.workload, u.bucket, COALESCE(o.tenant, '{OwnedInterval.UnattributedTenant}'), COALESCE(o.project, ''){Meters}
            FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to
            WHERE u.bucket >= @from AND u.bucket < @to{(tenant is null ? "" : $" AND COALESCE(o.tenant, '{OwnedInterval.UnattributedTenant}') = @tenant")}
            """, tenant is null ? [("@from", from), ("@to", to)] : [("@from", from), ("@to", to), ("@tenant", tenant)]);
        var owners = new Dictionary<(string, string), OwnedInterval>();
        var row = new UsageRow();
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            row.Clear();
            row.Bucket = reader.GetInt64(1);
            row.Workload = workloads[reader.GetInt64(0)];
            var name = (reader.GetString(2), reader.GetString(3));
            if (!owners.TryGetValue(name, out var owner)) owners[name] = owner = new OwnedInterval(0, long.MaxValue, name.Item1, name.Item2);
            foreach (var meter in MeterCatalogue.All)
            {
                if (!reader.IsDBNull(meter.Index + 4)) row.Add(meter, reader.GetInt64(meter.Index + 4));
            }

            growth.Add(row, owner);
        }
    }

    /// <summary>Who used something in a bucket since <paramref name="from"/> (Unix seconds), and whose it was.</summary>
    public static async Task<List<(WorkloadEntry Workload, OwnedInterval Owner, long Bucket)>> UsersAsync(LedgerTransaction transaction, long from)
    {
        var workloads = await WorkloadsAsync(transaction);
        var users = new List<(WorkloadEntry, OwnedInterval, long)>();
        await using var rows = await transaction.Command($"""
            SELECT u.workload, MAX(u.bucket), COALESCE(o.tenant, '{OwnedInterval.UnattributedTenant}'), COALESCE(o.project, '')
            FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to
            WHERE u.bucket >= @from GROUP BY 1, 3, 4
            """, ("@from", from)).ExecuteReaderAsync();
        while (await rows.ReadAsync()) users.Add((workloads[rows.GetInt64(0)], new OwnedInterval(0, long.MaxValue, rows.GetString(2), rows.GetString(3)), rows.GetInt64(1)));
        return users;
    }

    private static async Task<Dictionary<long, WorkloadEntry>> WorkloadsAsync(LedgerTransaction transaction)
    {
        var former = await AttributeStore.LoadAsync(transaction);
        var found = new Dictionary<long, WorkloadEntry>();
        await using var rows = await transaction.Command("SELECT id, host, kind, key, path, name, labels, attributes_from, former FROM workload").ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            var attributes = AttributeStore.History(rows.GetString(3), new StoredAttributes(rows.GetString(5), rows.GetString(6), rows.GetInt64(7), rows.GetInt64(8)), former.GetValueOrDefault(rows.GetInt64(0)));
            found[rows.GetInt64(0)] = new WorkloadEntry { Id = rows.GetInt64(0), Host = rows.GetString(1), Kind = rows.GetString(2), Key = rows.GetString(3), Path = rows.GetString(4), Attributes = attributes };
        }

        return found;
    }
}
