using System.Text.Json;
using Metering.Service.Tenants;

namespace Metering.Service.Ledger;

/// <summary>Table <c>ownership</c>: whose each workload is, and when. Derived from the rules, so that reports join instead of matching.</summary>
internal static class Ownerships
{
    public static async Task SaveAsync(LedgerTransaction transaction, long workload, IReadOnlyList<OwnedInterval> owners)
    {
        await transaction.ExecuteAsync("DELETE FROM ownership WHERE workload = @workload", ("@workload", workload));
        foreach (var owner in owners)
        {
            // What nobody owns has no row: a report shows it as unattributed.
            if (owner.Tenant == OwnedInterval.UnattributedTenant) continue;
            await transaction.ExecuteAsync("INSERT INTO ownership (workload, valid_from, valid_to, tenant, project) VALUES (@workload, @from, @to, @tenant, @project)",
                ("@workload", workload), ("@from", owner.From), ("@to", owner.To), ("@tenant", owner.Tenant), ("@project", owner.Project));
        }
    }

    /// <summary>Derives the whole table anew, after the rules have changed.</summary>
    public static async Task RebuildAsync(LedgerTransaction transaction, OwnershipRules rules)
    {
        var workloads = new List<(long Id, IReadOnlyList<OwnedInterval> Owners)>();
        var command = transaction.Command("SELECT id, host, kind, name, path, labels FROM workload");
        await using (var rows = await command.ExecuteReaderAsync())
        {
            while (await rows.ReadAsync())
            {
                var labels = JsonSerializer.Deserialize<Dictionary<string, string>>(rows.GetString(5)) ?? [];
                workloads.Add((rows.GetInt64(0), rules.Resolve(rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4), labels)));
            }
        }

        await transaction.ExecuteAsync("DELETE FROM ownership");
        foreach (var (id, owners) in workloads) await SaveAsync(transaction, id, owners);
    }
}
