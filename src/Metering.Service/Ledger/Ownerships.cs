using Metering.Service.Tenants;
using Microsoft.Data.Sqlite;

namespace Metering.Service.Ledger;

/// <summary>Table <c>ownership</c>: whose each workload is, and when. Derived from the rules, so that reports join instead of matching.</summary>
internal static class Ownerships
{
    /// <summary>Replaces the intervals of these workloads; of one that is given twice the last stand. A handful of statements for any number: a fleet arrives all at once.</summary>
    public static async Task SaveAsync(LedgerTransaction transaction, IEnumerable<(long Workload, IReadOnlyList<OwnedInterval> Owners)> workloads)
    {
        var all = new SortedDictionary<long, IReadOnlyList<OwnedInterval>>();
        foreach (var (workload, owners) in workloads) all[workload] = owners;
        var ids = all.Keys.ToArray();

        // What nobody owns has no row: a report shows it as unattributed.
        var rows = all.SelectMany(entry => entry.Value, (entry, owner) => (Workload: entry.Key, Owner: owner)).Where(row => row.Owner.Tenant != OwnedInterval.UnattributedTenant).ToArray();
        if (!transaction.Store.IsPostgres)
        {
            SaveSqlite((SqliteConnection)transaction.Connection, ids, rows);
            return;
        }

        await transaction.ExecuteAsync("DELETE FROM ownership WHERE workload = ANY(@ids)", ("@ids", ids));
        if (rows.Length == 0) return;
        await transaction.ExecuteAsync(
            "INSERT INTO ownership (workload, valid_from, valid_to, tenant, project) SELECT * FROM unnest(@workloads, @from, @to, @tenants, @projects)",
            ("@workloads", Array.ConvertAll(rows, row => row.Workload)), ("@from", Array.ConvertAll(rows, row => row.Owner.From)), ("@to", Array.ConvertAll(rows, row => row.Owner.To)),
            ("@tenants", Array.ConvertAll(rows, row => row.Owner.Tenant)), ("@projects", Array.ConvertAll(rows, row => row.Owner.Project)));
    }

    private static void SaveSqlite(SqliteConnection connection, long[] ids, (long Workload, OwnedInterval Owner)[] rows)
    {
        using var delete = new SqliteStatement(connection, "DELETE FROM ownership WHERE workload = ?1");
        foreach (var id in ids)
        {
            delete.Bind(1, id);
            delete.Run();
        }

        using var insert = new SqliteStatement(connection, "INSERT INTO ownership (workload, valid_from, valid_to, tenant, project) VALUES (?1, ?2, ?3, ?4, ?5)");
        foreach (var (workload, owner) in rows)
        {
            insert.Bind(1, workload);
            insert.Bind(2, owner.From);
            insert.Bind(3, owner.To);
            insert.Bind(4, owner.Tenant);
            insert.Bind(5, owner.Project);
            insert.Run();
        }
    }

    /// <summary>Derives the whole table anew, after the rules have changed.</summary>
    public static async Task RebuildAsync(LedgerTransaction transaction, OwnershipRules rules)
    {
        var workloads = new List<(long Id, IReadOnlyList<OwnedInterval> Owners)>();
        var former = await AttributeStore.LoadAsync(transaction);
        var command = transaction.Command("SELECT id, host, kind, key, path, name, labels, attributes_from, former FROM workload");
        await using (var rows = await command.ExecuteReaderAsync())
        {
            while (await rows.ReadAsync())
            {
                var id = rows.GetInt64(0);
                var attributes = AttributeStore.History(rows.GetString(3), new StoredAttributes(rows.GetString(5), rows.GetString(6), rows.GetInt64(7), rows.GetInt64(8)), former.GetValueOrDefault(id));
                workloads.Add((id, rules.Resolve(rows.GetString(1), rows.GetString(2), rows.GetString(4), attributes)));
            }
        }

        await transaction.ExecuteAsync("DELETE FROM ownership");
        await SaveAsync(transaction, workloads);
    }
}
