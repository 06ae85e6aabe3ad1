using System.Text.Json;

namespace Metering.Service.Ledger;

/// <summary>
/// Name and labels of workloads over time. The latest version is in the row of <c>workload</c>, earlier ones are rows of <c>workload_version</c>,
/// so that the many workloads whose attributes never change have no further row. The caller's upsert has locked the rows of the workloads.
/// </summary>
internal static class AttributeStore
{
    /// <summary>Brings together what is stored and what was seen; the entries then hold the whole history, and <paramref name="changed"/> those that were stored before and changed.</summary>
    public static async Task SaveAsync(LedgerTransaction transaction, IReadOnlyList<WorkloadEntry> entries, Dictionary<long, AttributeHistory> changed)
    {
        var former = await LoadAsync(transaction, entries.Where(entry => entry.Stored is { Former: > 0 }).Select(entry => entry.Id).ToArray());
        foreach (var entry in entries)
        {
            entry.IsFresh = true;
            var known = entry.Stored is { } stored ? History(entry.Key, stored, former.GetValueOrDefault(entry.Id)) : null;
            var history = known is null ? entry.Attributes : new AttributeHistory(entry.Key, [.. known.Versions]);
            var moved = known is not null && history.Observe(entry.Attributes.Latest);
            foreach (var seen in entry.Observed) moved |= history.Observe(seen);
            entry.Attributes = history;
            if (!moved) continue;
            if (known is not null) changed[entry.Id] = known;
            await WriteAsync(transaction, entry, known?.Versions.Count > 1);
        }
    }

    /// <summary>All histories with more than one version, by workload.</summary>
    public static async Task<Dictionary<long, List<AttributeVersion>>> LoadAsync(LedgerTransaction transaction, long[]? workloads = null)
    {
        var versions = new Dictionary<long, List<AttributeVersion>>();
        if (workloads is { Length: 0 }) return versions;
        if (workloads is null || transaction.Store.IsPostgres)
        {
            var sql = "SELECT workload, seen_from, name, labels FROM workload_version" + (workloads is null ? "" : " WHERE workload = ANY(@ids)") + " ORDER BY workload, valid_from";
            await ReadAsync(workloads is null ? transaction.Command(sql) : transaction.Command(sql, ("@ids", workloads)), versions);
            return versions;
        }

        foreach (var workload in workloads)
            await ReadAsync(transaction.Command("SELECT workload, seen_from, name, labels FROM workload_version WHERE workload = @id ORDER BY valid_from", ("@id", workload)), versions);
        return versions;
    }

    /// <summary>The history of a workload from its row and its earlier versions.</summary>
    public static AttributeHistory History(string key, StoredAttributes latest, IReadOnlyList<AttributeVersion>? former) =>
        new(key, [.. former ?? [], new AttributeVersion(latest.From, latest.Name, ReadLabels(latest.Labels))]);

    private static async Task ReadAsync(System.Data.Common.DbCommand command, Dictionary<long, List<AttributeVersion>> into)
    {
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            if (!into.TryGetValue(rows.GetInt64(0), out var list)) into[rows.GetInt64(0)] = list = [];
            list.Add(new AttributeVersion(rows.GetInt64(1), rows.GetString(2), ReadLabels(rows.GetString(3))));
        }
    }

    private static async Task WriteAsync(LedgerTransaction transaction, WorkloadEntry entry, bool hadFormer)
    {
        var latest = entry.Attributes.Latest;
        var former = entry.Attributes.Intervals().SkipLast(1).ToList();
        await transaction.ExecuteAsync("UPDATE workload SET name = @name, labels = @labels, attributes_from = @from, former = @former WHERE id = @id",
            ("@name", latest.Name), ("@labels", WriteLabels(latest.Labels)), ("@from", latest.From), ("@former", (long)former.Count), ("@id", entry.Id));
        if (hadFormer) await transaction.ExecuteAsync("DELETE FROM workload_version WHERE workload = @id", ("@id", entry.Id));
        foreach (var (from, to, version) in former)
        {
            await transaction.ExecuteAsync("INSERT INTO workload_version (workload, valid_from, valid_to, seen_from, name, labels) VALUES (@id, @from, @to, @seen, @name, @labels)",
                ("@id", entry.Id), ("@from", from), ("@to", to), ("@seen", version.From), ("@name", version.Name), ("@labels", WriteLabels(version.Labels)));
        }
    }

    /// <summary>Labels as stored, sorted; PostgreSQL takes no zero character in a text.</summary>
    public static string WriteLabels(IReadOnlyDictionary<string, string> labels)
    {
        var json = JsonSerializer.Serialize(labels);
        return json.Contains("\\u0000", StringComparison.Ordinal) ? json.Replace("\\u0000", "") : json;
    }

    /// <summary>Availability as stored: empty when there is nothing to say.</summary>
    public static string WriteAvailability(IReadOnlyDictionary<string, string> availability) => availability.Count == 0 ? "" : WriteLabels(availability);

    private static SortedDictionary<string, string> ReadLabels(string json) => new(JsonSerializer.Deserialize<Dictionary<string, string>>(json) ?? [], StringComparer.Ordinal);
}
