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

    /// <summary>Begins anew what measures something else now, and ends its alerts; counts the figures of the open windows.</summary>
    public static async Task RunAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, IReadOnlyList<CompiledQuota> quotas, LedgerGrain grain, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();
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

            await transaction.ExecuteAsync("UPDATE quota_clock SET basis = @basis WHERE quota = @quota", ("@basis", catalogue.BasisOf(quota)), ("@quota", quota.Id));
            if (quota.Slots != QuotaSlots.Minutes) needs[quota] = QuotaMeasure.Need(quota, [], seconds, grain, seconds);
        }

        if (needs.Count == 0) return;
        foreach (var (quota, from) in needs) await transaction.ExecuteAsync("DELETE FROM quota_window WHERE quota = @quota AND window_start >= @from", ("@quota", quota.Id), ("@from", from));
        var growth = new QuotaGrowth(catalogue, (quota, bucket) => needs.TryGetValue(quota, out var from) && bucket >= from);
        await CountAsync(transaction, needs, growth);
        await QuotaWindows.AddAsync(transaction, growth.InOrder());
    }

    private static async Task CountAsync(LedgerTransaction transaction, Dictionary<CompiledQuota, long> needs, QuotaGrowth growth)
    {
        var workloads = await WorkloadsAsync(transaction);
        var tenants = needs.Keys.Select(quota => quota.Document.Subject.Tenant).Distinct().ToArray();
        var tenant = tenants.Length == 1 ? tenants[0] : null;
        var command = transaction.Command($"""
            SELECT u.workload, u.bucket, COALESCE(o.tenant, '{OwnedInterval.UnattributedTenant}'), COALESCE(o.project, ''){Meters}
            FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to
            WHERE u.bucket >= @from{(tenant is null ? "" : $" AND COALESCE(o.tenant, '{OwnedInterval.UnattributedTenant}') = @tenant")}
            """, tenant is null ? [("@from", needs.Values.Min())] : [("@from", needs.Values.Min()), ("@tenant", tenant)]);
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
