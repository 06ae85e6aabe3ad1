using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Allocation;

/// <summary>Adds up the shares of tenants whose contract says so to charge rows per (workload, part, day). State: the sums.</summary>
internal sealed class AllocationCharges(PriceCatalogue prices, IReadOnlyDictionary<string, (long Start, long End)> ranges)
{
    private sealed class Sum(long from)
    {
        public long From { get; } = from;

        public long To { get; set; }

        public Int128 Nano { get; set; }

        public Int128 Base { get; set; }
    }

    private readonly Dictionary<(string Tenant, long DayStart, long Workload, AllocationBook.Version Version, AllocationPart Part, ContractTerms Terms), (NodaTime.LocalDate Day, Sum Sum)> _sums = [];
    private readonly Dictionary<string, (NodaTime.LocalDate Date, long Start, long End)> _days = new(StringComparer.Ordinal);

    /// <summary>True when a contract says so at some time within the range.</summary>
    public static bool Asked(PriceCatalogue prices, long from, long to) =>
        prices.Tenants.Keys.Any(tenant => (prices.ContractOf(tenant)?.Terms ?? []).Any(terms => terms.Model == "allocation" && terms.FromSeconds < to && terms.ToSeconds > from));

    public void Add(AllocationBook.Version version, long bucket, long end, in Allocated row)
    {
        if (!ranges.TryGetValue(row.Tenant, out var range) || bucket < range.Start || bucket >= range.End) return;
        if (prices.TermsAt(row.Tenant, bucket) is not { Model: "allocation" } terms) return;
        if (!_days.TryGetValue(row.Tenant, out var day) || bucket < day.Start || bucket >= day.End) _days[row.Tenant] = day = TenantCalendar.DayOf(bucket, prices.ZoneOf(row.Tenant));
        var key = (row.Tenant, day.Start, row.Workload, version, row.Part, terms);
        if (!_sums.TryGetValue(key, out var known)) _sums[key] = known = (day.Date, new Sum(bucket));
        var sum = known.Sum;
        (sum.To, sum.Nano, sum.Base) = (end, sum.Nano + row.Nano, sum.Base + row.Base);
    }

    /// <summary>In the order of tenant, day, workload and part.</summary>
    public IEnumerable<ChargeRow> Rows(BillingPeriod period) => _sums.Where(pair => pair.Value.Sum.Nano != 0 || pair.Value.Sum.Base != 0)
        .OrderBy(pair => pair.Key.Tenant, StringComparer.Ordinal).ThenBy(pair => pair.Key.DayStart).ThenBy(pair => pair.Key.Workload).ThenBy(pair => pair.Key.Part).ThenBy(pair => pair.Key.Version.Number)
        .Select(pair => new ChargeRow
        {
            Tenant = pair.Key.Tenant, Period = period, Day = pair.Value.Day, Workload = pair.Key.Workload, Line = pair.Key.Version.Lines[pair.Key.Part], Tier = 0, Terms = pair.Key.Terms,
            From = pair.Value.Sum.From, To = pair.Value.Sum.To, Nano = pair.Value.Sum.Nano, Base = pair.Value.Sum.Base,
        });
}
