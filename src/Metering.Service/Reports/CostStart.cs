using System.Data.Common;
using System.Globalization;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Reports;

/// <summary>Brings a rater to where it would be had it rated each tenant's month up to an instant: by sums over the time between two bounds of prices, not row by row.</summary>
internal sealed class CostStart(bool postgres, PriceCatalogue prices, LedgerGrain grain, Rater rater)
{
    private static readonly Meter[] WithReservation = [.. MeterCatalogue.All.Where(meter => PriceLine.ReservedOf(meter) is not null)];

    public async Task SkipAsync(DbConnection connection, long until, CancellationToken cancel)
    {
        foreach (var part in Parts(until).GroupBy(part => (part.From, part.To)).OrderBy(part => part.Key.From))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Sql(part.Key.From, part.Key.To);
            var tenants = part.Select(one => one.Tenant).ToHashSet(StringComparer.Ordinal);
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
            {
                var (tenant, workload, first, at) = (rows.GetString(0), rows.GetInt64(1), rows.GetInt64(2), 3);
                if (!tenants.Contains(tenant)) continue;
                var seconds = (Int128)rows.GetDecimal(at++);
                var sums = MeterCatalogue.All.Select(_ => (Int128?)UsageSelect.ReadSum(rows, postgres, ref at)).ToArray();
                var larger = WithReservation.ToDictionary(meter => meter, _ => (Int128?)UsageSelect.ReadSum(rows, postgres, ref at));
                rater.For(tenant).Skip(first, workload, line => line.Meter is not { } meter ? seconds : line.Basis switch
                {
                    PriceBasis.Reservation => sums[line.Reserved!.Index],
                    PriceBasis.Larger => larger[meter],
                    _ => sums[meter.Index],
                });
            }
        }
    }

    // The tenant's month before the instant, cut where its prices change.
    private IEnumerable<(string Tenant, long From, long To)> Parts(long until)
    {
        foreach (var tenant in prices.Tenants.Keys)
        {
            for (var at = TenantCalendar.PeriodOf(until, prices.ZoneOf(tenant)).Start; at < until;)
            {
                var (validity, end) = prices.At(tenant, at);
                end = Math.Min(end, until);
                if (validity is not null) yield return (tenant, at, end);
                at = end;
            }
        }
    }

    private string Sql(long from, long to)
    {
        var workload = prices.AsksTraits ? "u.workload" : "0";
        var length = grain.FineFrom == long.MaxValue ? grain.Coarse.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"CASE WHEN u.bucket >= {grain.FineFrom} THEN {Math.Min(LedgerGrain.Fine, grain.Coarse)} ELSE {grain.Coarse} END");
        var sums = MeterCatalogue.All.Select(meter => UsageSelect.Sum(meter.Column, postgres)).Concat(WithReservation.Select(meter => Larger(meter.Column, PriceLine.ReservedOf(meter)!.Column)));
        // Where prices select by label, each value of it for itself.
        var (version, join) = prices.AsksTraits ? (", COALESCE(f.valid_from, -1)", " LEFT JOIN workload_version f ON f.workload = u.workload AND u.bucket >= f.valid_from AND u.bucket < f.valid_to") : ("", "");
        return $"SELECT COALESCE(o.tenant, 'unattributed'), {workload}, MIN(u.bucket), SUM({length}), " + string.Join(", ", sums) +
            " FROM usage u LEFT JOIN ownership o ON o.workload = u.workload AND u.bucket >= o.valid_from AND u.bucket < o.valid_to" + join + " " +
            string.Create(CultureInfo.InvariantCulture, $"WHERE u.bucket >= {from} AND u.bucket < {to} GROUP BY COALESCE(o.tenant, 'unattributed')") + (prices.AsksTraits ? ", u.workload" + version + " ORDER BY 3" : "");
    }

    // Null only where both are unknown. SQLite's MAX of two is null if one is, PostgreSQL's GREATEST is not.
    private string Larger(string used, string reserved)
    {
        if (postgres) return $"SUM(GREATEST(u.{used}, u.{reserved}))";
        var larger = $"MAX(COALESCE(u.{used}, u.{reserved}), COALESCE(u.{reserved}, u.{used}))";
        return $"SUM({larger} >> 32), SUM({larger} & 4294967295)";
    }
}
