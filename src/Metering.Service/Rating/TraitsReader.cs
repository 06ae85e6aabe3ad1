using System.Data.Common;
using System.Text.Json;

namespace Metering.Service.Rating;

/// <summary>Reads what prices may select workloads by.</summary>
internal static class TraitsReader
{
    /// <summary>All workloads by the ledger's id, with the labels that each had over time. Labels of a host are those of its latest agent.</summary>
    public static async Task<TraitsHistory> ReadAsync(DbConnection connection, CancellationToken cancel)
    {
        var former = new Dictionary<long, List<(long Until, string Labels)>>();
        await using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT workload, valid_to, labels FROM workload_version ORDER BY workload, valid_from";
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                if (!former.TryGetValue(rows.GetInt64(0), out var list)) former[rows.GetInt64(0)] = list = [];
                list.Add((rows.GetInt64(1), rows.GetString(2)));
            }
        }

        var versions = new Dictionary<long, IReadOnlyList<TraitsHistory.Version>>();
        foreach (var (id, traits) in await LatestAsync(connection, cancel))
        {
            var earlier = former.GetValueOrDefault(id) ?? [];
            versions[id] = [.. earlier.Select(one => new TraitsHistory.Version(traits with { Labels = Labels(one.Labels) }, one.Until)), new TraitsHistory.Version(traits, long.MaxValue)];
        }

        return new TraitsHistory(versions);
    }

    /// <summary>All workloads as last reported.</summary>
    public static async Task<Dictionary<long, WorkloadTraits>> LatestAsync(DbConnection connection, CancellationToken cancel)
    {
        var hosts = new Dictionary<string, Dictionary<string, string>>(StringComparer.Ordinal);
        await using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT host, labels FROM agent ORDER BY last_seen_at, id";
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel)) hosts[rows.GetString(0)] = Labels(rows.GetString(1));
        }

        var found = new Dictionary<long, WorkloadTraits>();
        var none = new Dictionary<string, string>();
        await using var workloads = connection.CreateCommand();
        workloads.CommandText = "SELECT id, host, kind, labels FROM workload";
        await using var reader = await workloads.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            found[reader.GetInt64(0)] = new WorkloadTraits(reader.GetString(1), reader.GetString(2), Labels(reader.GetString(3)), hosts.GetValueOrDefault(reader.GetString(1)) ?? none);
        return found;
    }

    public static Dictionary<string, string> Labels(string json) => JsonSerializer.Deserialize<Dictionary<string, string>>(json) ?? [];
}
