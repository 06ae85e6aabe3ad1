using System.Globalization;
using System.Text;
using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.TimeSeries;

/// <summary>Whose the workloads of a host are, as a view of the ledger has it.</summary>
internal sealed class SeriesOwners
{
    private const int MaxKeys = 300;
    private readonly Dictionary<(string Kind, string Id), List<OwnedInterval>> _owners = [];

    /// <summary>The owner at an instant (Unix seconds); null for a workload that the ledger does not name, because its host named more than the bound.</summary>
    public OwnedInterval? At(string kind, string id, long seconds) => _owners.TryGetValue((kind, id), out var owners) ? OwnedInterval.At(owners, seconds) : null;

    public static async Task<SeriesOwners> LoadAsync(LedgerTransaction view, string host, IEnumerable<(string Kind, string Id)> workloads, CancellationToken cancel)
    {
        var known = new SeriesOwners();
        foreach (var chunk in workloads.Distinct().Append((WorkloadDirectory.OverBoundKind, WorkloadDirectory.OverBoundKind)).Chunk(MaxKeys))
        {
            // The unique index on (host, kind, key).
            var places = new StringBuilder();
            var parameters = new List<(string, object?)> { ("@host", host) };
            for (var i = 0; i < chunk.Length; i++)
            {
                places.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ", ")}(@k{i}, @i{i})");
                parameters.Add((string.Create(CultureInfo.InvariantCulture, $"@k{i}"), chunk[i].Item1));
                parameters.Add((string.Create(CultureInfo.InvariantCulture, $"@i{i}"), chunk[i].Item2));
            }

            var command = view.Command($"""
                SELECT w.kind, w.key, o.valid_from, o.valid_to, o.tenant, o.project FROM workload w LEFT JOIN ownership o ON o.workload = w.id
                WHERE w.host = @host AND (w.kind, w.key) IN (VALUES {places})
                """, [.. parameters]);
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                var key = (rows.GetString(0), rows.GetString(1));
                if (!known._owners.TryGetValue(key, out var owners)) known._owners[key] = owners = [];
                if (!rows.IsDBNull(2)) owners.Add(new OwnedInterval(rows.GetInt64(2), rows.GetInt64(3), rows.GetString(4), rows.GetString(5)));
            }
        }

        return known;
    }
}
