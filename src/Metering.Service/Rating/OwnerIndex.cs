using System.Data.Common;
using Metering.Service.Tenants;
using Metering.Service.Verification;

namespace Metering.Service.Rating;

/// <summary>Whose each workload is over a range of time, in memory: a look-up costs a tenth of a join. Workloads that are alike share one entry.</summary>
internal sealed class OwnerIndex
{
    private static readonly OwnedInterval[] Nobody = [];
    private readonly Dictionary<long, OwnedInterval[]> _owners = [];

    /// <summary>Owners from one instant to another, Unix seconds.</summary>
    public static async Task<OwnerIndex> ReadAsync(DbConnection connection, long from, long to, CancellationToken cancel)
    {
        var index = new OwnerIndex();
        var shared = new Dictionary<OwnedInterval, OwnedInterval[]>();
        await using var command = VerifyRun.Command(connection,
            "SELECT workload, valid_from, valid_to, tenant, project FROM ownership WHERE valid_to > @from AND valid_from < @to ORDER BY workload, valid_from", ("@from", from), ("@to", to));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (workload, owner) = (rows.GetInt64(0), new OwnedInterval(rows.GetInt64(1), rows.GetInt64(2), rows.GetString(3), rows.GetString(4)));
            if (!shared.TryGetValue(owner, out var alone)) shared[owner] = alone = [owner];
            index._owners[workload] = index._owners.TryGetValue(workload, out var others) ? [.. others, alone[0]] : alone;
        }

        return index;
    }

    public OwnedInterval At(long workload, long bucket)
    {
        foreach (var owner in _owners.GetValueOrDefault(workload) ?? Nobody)
        {
            if (bucket >= owner.From && bucket < owner.To) return owner;
        }

        return OwnedInterval.Unattributed;
    }
}
