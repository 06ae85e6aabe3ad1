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
        var shares = new Dictionary<string, decimal?>(StringComparer.Ordinal);
        foreach (var group in prices.Tenants.Keys.GroupBy(tenant => period.Bounds(prices.ZoneOf(tenant))))
        {
            // In two halves: a sum of 64-bit numbers may pass 64 bits.
            await using var rows = await view.Command(string.Create(CultureInfo.InvariantCulture, $"""
                SELECT COALESCE(o.tenant, 'unattributed'), SUM(u.{MeterCatalogue.Cpu.Column} >> 32), SUM(u.{MeterCatalogue.Cpu.Column} & 4294967295), SUM(u.estimated_us >> 32), SUM(u.estimated_us & 4294967295)
                FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to
                WHERE u.bucket >= {group.Key.Start} AND u.bucket < {group.Key.End} GROUP BY COALESCE(o.tenant, 'unattributed')
                """)).ExecuteReaderAsync(cancel);
            var members = group.ToHashSet(StringComparer.Ordinal);
            while (await rows.ReadAsync(cancel))
            {
                if (!members.Contains(rows.GetString(0)) || rows.IsDBNull(1)) continue;
                var (cpu, estimated) = (Whole(rows, 1), Whole(rows, 3));
                if (cpu > 0) shares[rows.GetString(0)] = Math.Round(estimated / cpu, 6);
            }
        }

        return shares;
    }

    private static decimal Whole(System.Data.Common.DbDataReader rows, int at) =>
        Convert.ToDecimal(rows.GetValue(at), CultureInfo.InvariantCulture) * 4_294_967_296m + Convert.ToDecimal(rows.GetValue(at + 1), CultureInfo.InvariantCulture);
}
