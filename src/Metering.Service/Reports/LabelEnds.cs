using System.Data.Common;
using Metering.Service.Verification;

namespace Metering.Service.Reports;

/// <summary>When workloads get another name or other labels within a range of time; few ever do.</summary>
internal sealed class LabelEnds
{
    private readonly Dictionary<long, List<long>> _ends = [];

    public static async Task<LabelEnds> ReadAsync(DbConnection connection, long from, long to, CancellationToken cancel)
    {
        var found = new LabelEnds();
        await using var command = VerifyRun.Command(connection, "SELECT workload, valid_to FROM workload_version WHERE valid_to > @from AND valid_to < @to ORDER BY workload, valid_to", ("@from", from), ("@to", to));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            if (!found._ends.TryGetValue(rows.GetInt64(0), out var ends)) found._ends[rows.GetInt64(0)] = ends = [];
            ends.Add(rows.GetInt64(1));
        }

        return found;
    }

    /// <summary>The first one after a bucket, Unix seconds.</summary>
    public long After(long workload, long bucket)
    {
        foreach (var end in _ends.GetValueOrDefault(workload) ?? [])
        {
            if (end > bucket) return end;
        }

        return long.MaxValue;
    }
}
