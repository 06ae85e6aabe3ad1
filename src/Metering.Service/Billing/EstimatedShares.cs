using System.Globalization;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>How much of each tenant's CPU time in a period is an estimate: growth of a parent that was split over children that nobody read at their end.</summary>
internal static class EstimatedShares
{
    /// <summary>By tenant, 0 to 1 with 6 places; null where there was no CPU time.</summary>
    public static async Task<Dictionary<string, decimal?>> ReadAsync(LedgerTransaction view, BillingPeriod period, PriceCatalogue prices, CancellationToken cancel)
    {
        // One pass: the months of all zones begin and end at a few instants, and between two of them every tenant's is in or out.
        var bounds = prices.Tenants.Keys.ToDictionary(tenant => tenant, tenant => period.Bounds(prices.ZoneOf(tenant)), StringComparer.Ordinal);
        var cuts = bounds.Values.SelectMany(one => new[] { one.Start, one.End }).Distinct().Order().ToList();
        var sums = new Dictionary<string, (decimal Cpu, decimal Estimated)>(StringComparer.Ordinal);
        if (cuts.Count == 0) return [];
        var cut = string.Concat(cuts.Skip(1).Select((at, i) => string.Create(CultureInfo.InvariantCulture, $" WHEN u.bucket < {at} THEN {i}")));

        // In two halves: a sum of 64-bit numbers may pass 64 bits.
        await using var rows = await view.Command(string.Create(CultureInfo.InvariantCulture, $"""
            SELECT COALESCE(o.tenant, 'unattributed'), CASE{cut} END, SUM(u.{MeterCatalogue.Cpu.Column} >> 32), SUM(u.{MeterCatalogue.Cpu.Column} & 4294967295), SUM(u.estimated_us >> 32), SUM(u.estimated_us & 4294967295)
            FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to
            WHERE u.bucket >= {cuts[0]} AND u.bucket < {cuts[^1]} GROUP BY 1, 2
            """)).ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (tenant, from) = (rows.GetString(0), cuts[rows.GetInt32(1)]);
            if (rows.IsDBNull(2) || !bounds.TryGetValue(tenant, out var range) || from < range.Start || from >= range.End) continue;
            var (cpu, estimated) = sums.GetValueOrDefault(tenant);
            sums[tenant] = (cpu + Whole(rows, 2), estimated + Whole(rows, 4));
        }

        return sums.Where(pair => pair.Value.Cpu > 0).ToDictionary(pair => pair.Key, pair => (decimal?)Math.Round(pair.Value.Estimated / pair.Value.Cpu, 6), StringComparer.Ordinal);
    }

    private static decimal Whole(System.Data.Common.DbDataReader rows, int at) =>
        Convert.ToDecimal(rows.GetValue(at), CultureInfo.InvariantCulture) * 4_294_967_296m + Convert.ToDecimal(rows.GetValue(at + 1), CultureInfo.InvariantCulture);
}
