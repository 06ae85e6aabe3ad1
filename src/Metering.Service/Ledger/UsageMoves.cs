using Metering.Meters;
using Metering.Service.Tenants;

namespace Metering.Service.Ledger;

/// <summary>Finds the stored rows of a workload whose owner is another than it was.</summary>
internal static class UsageMoves
{
    // Quotas have windows of a month at most: in seconds, every open one is covered.
    private const long Reach = 32 * 86_400;

    private static readonly string Select =
        "SELECT bucket" + string.Concat(MeterCatalogue.All.Select(meter => ", " + meter.Column)) + " FROM usage WHERE workload = @id AND bucket = @bucket";

    /// <summary>Adds them to <paramref name="moves"/>. One look-up by key for each bucket since the workload was first seen: usage is not indexed by workload.</summary>
    public static async Task AddAsync(LedgerTransaction transaction, WorkloadEntry entry, IReadOnlyList<OwnedInterval> before, LedgerGrain grain, DateTimeOffset now, List<MovedUsage> moves)
    {
        var last = Math.Max(now.ToUnixTimeSeconds(), entry.Attributes.Latest.From) + grain.Coarse;
        var first = grain.Floor(Math.Max(entry.Attributes.Versions[0].From, last - Reach));
        for (var bucket = first; bucket <= last; bucket += grain.LengthAt(bucket))
        {
            var (was, becomes) = (OwnedInterval.At(before, bucket), OwnedInterval.At(entry.Owners, bucket));
            if (was.Tenant == becomes.Tenant && was.Project == becomes.Project) continue;
            await using var reader = await transaction.Command(Select, ("@id", entry.Id), ("@bucket", bucket)).ExecuteReaderAsync();
            if (await reader.ReadAsync()) moves.Add(new MovedUsage(Read(reader, entry), was, becomes));
        }
    }

    private static UsageRow Read(System.Data.Common.DbDataReader reader, WorkloadEntry entry)
    {
        var row = new UsageRow { Bucket = reader.GetInt64(0), Workload = entry };
        foreach (var meter in MeterCatalogue.All)
        {
            if (!reader.IsDBNull(meter.Index + 1)) row.Add(meter, reader.GetInt64(meter.Index + 1));
        }

        return row;
    }
}
