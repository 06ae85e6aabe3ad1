using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Tenants;
using NodaTime;

namespace Metering.Service.Rating;

/// <summary>
/// Adds up the service credits of a period to charge rows per (workload, day). Feed it all rows of usage in canonical order. State: the sums, and the cumulative quantity of each tenant's credit, so that any split
/// of the period credits the same.
/// </summary>
internal sealed class ServiceCredits(PriceCatalogue prices)
{
    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Key(string Tenant, long DayStart, long Workload, ContractTerms Terms);

    private sealed class Sum(LocalDate day, PriceLine line, long from)
    {
        public LocalDate Day { get; } = day;

        public PriceLine Line { get; } = line;

        public long From { get; } = from;

        public long To { get; set; }

        public Int128 Nano { get; set; }

        public Int128 Base { get; set; }

        public Int128 Used { get; set; }

        public Int128 Reserved { get; set; }
    }

    private readonly HashSet<string> _asked = [.. prices.Tenants.Keys.Where(tenant => prices.ContractOf(tenant)?.Terms.Any(terms => terms.ServiceCredit is not null) == true)];
    private readonly Dictionary<(string Tenant, ServiceCredit Credit), (PriceLine Line, Cumulative Cumulative)> _lines = [];
    private readonly Dictionary<string, (LocalDate Date, long Start, long End)> _days = new(StringComparer.Ordinal);
    private readonly Dictionary<Key, Sum> _sums = [];
    private readonly List<Charge> _charges = [];

    /// <summary>A row of usage within the tenant's period; parameters as <see cref="TenantRater.Rate"/>.</summary>
    public void Add(string tenant, long bucket, long bucketSeconds, long workload, ReadOnlySpan<long> values, int known)
    {
        if (!_asked.Contains(tenant) || prices.TermsAt(tenant, bucket) is not { ServiceCredit: { } credit } terms) return;
        var quantity = ServiceCredit.Credited(credit.Threshold!.Value, values, known, bucketSeconds * 1_000_000);
        if (quantity == 0) return;
        if (!_lines.TryGetValue((tenant, credit), out var line))
        {
            var made = credit.Line(prices.Tenants[tenant].Currency);
            _lines[(tenant, credit)] = line = (made, new Cumulative(made.Unit.BaseUnits));
        }

        _charges.Clear();
        line.Cumulative.Add(line.Line, quantity, _charges);
        if (!_days.TryGetValue(tenant, out var day) || bucket < day.Start || bucket >= day.End) _days[tenant] = day = TenantCalendar.DayOf(bucket, prices.ZoneOf(tenant));
        var key = new Key(tenant, day.Start, workload, terms);
        if (!_sums.TryGetValue(key, out var sum)) _sums[key] = sum = new Sum(day.Date, line.Line, bucket);
        sum.To = bucket + bucketSeconds;
        (sum.Nano, sum.Base) = (sum.Nano + _charges[0].Nano, sum.Base + quantity);
        (sum.Used, sum.Reserved) = (sum.Used + values[MeterCatalogue.Cpu.Index], sum.Reserved + values[MeterCatalogue.CpuReserved.Index]);
    }

    /// <summary>In the order of tenant, day and workload.</summary>
    public IEnumerable<ChargeRow> Rows(BillingPeriod period) => _sums.OrderBy(pair => pair.Key.Tenant, StringComparer.Ordinal).ThenBy(pair => pair.Key.DayStart).ThenBy(pair => pair.Key.Workload).ThenBy(pair => pair.Value.From)
        .Select(pair => new ChargeRow
        {
            Tenant = pair.Key.Tenant, Period = period, Day = pair.Value.Day, Workload = pair.Key.Workload, Line = pair.Value.Line, Tier = 0, Terms = pair.Key.Terms,
            From = pair.Value.From, To = pair.Value.To, Nano = -pair.Value.Nano, Base = -pair.Value.Base, Used = pair.Value.Used, Reserved = pair.Value.Reserved,
        });
}
