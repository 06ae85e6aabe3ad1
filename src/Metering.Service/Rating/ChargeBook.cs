using System.Runtime.InteropServices;
using Metering.Meters;
using NodaTime;

namespace Metering.Service.Rating;

/// <summary>
/// Adds up charges to rows per (workload, meter, tier, day). Feed it all rows of usage in canonical order; the rows of a day are given out when the tenant's next day begins, and the rest at the end,
/// so that memory holds one day. State: the days that are open, by tenant.
/// </summary>
internal sealed class ChargeBook(Rater rater, PriceCatalogue prices, Action<ChargeRow> write)
{
    private struct Sum
    {
        public long From, To;
        public Int128 Nano, Base, Used, Reserved;
        public bool HasUsed, HasReserved;
    }

    private sealed class Open(TenantRater rater)
    {
        public TenantRater Rater { get; } = rater;

        public Dictionary<(long Workload, PriceLine Line, int Tier), Sum> Sums { get; } = [];

        public (LocalDate Date, long Start, long End) Day { get; set; }

        public Tenants.BillingPeriod Period { get; set; }

        public ContractTerms? Terms { get; set; }
    }

    private readonly Dictionary<string, Open> _open = new(StringComparer.Ordinal);
    private readonly List<Charge> _charges = [];

    /// <summary>A row of usage; parameters as <see cref="TenantRater.Rate"/>.</summary>
    public void Add(string tenant, long bucket, long bucketSeconds, long workload, ReadOnlySpan<long> values, int known)
    {
        if (!_open.TryGetValue(tenant, out var open)) _open[tenant] = open = new Open(rater.For(tenant));
        _charges.Clear();
        open.Rater.Rate(bucket, bucketSeconds, workload, values, known, _charges);
        if (_charges.Count == 0) return;
        if (open.Rater.Day.Start != open.Day.Start || !ReferenceEquals(open.Rater.Terms, open.Terms))
        {
            Flush(open);
            (open.Day, open.Period, open.Terms) = (open.Rater.Day, open.Rater.Period.Period, open.Rater.Terms);
        }

        foreach (ref readonly var charge in CollectionsMarshal.AsSpan(_charges))
        {
            ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(open.Sums, (workload, charge.Line, charge.Tier), out var exists);
            if (!exists) sum.From = bucket;
            sum.To = bucket + bucketSeconds;
            sum.Nano += charge.Nano;
            sum.Base += charge.Base;
            if (charge.Line.Reserved is { } reserved && charge.Base != 0) Terms(ref sum, charge.Line.Meter!, reserved, values, known);
        }
    }

    /// <summary>Gives out what is left, and each tenant's prices per month over the range.</summary>
    /// <param name="range">By tenant, Unix seconds.</param>
    public void Finish(IEnumerable<(string Tenant, long From, long To)> range)
    {
        foreach (var open in _open.Values) Flush(open);
        foreach (var (tenant, from, to) in range)
        {
            foreach (var (start, end, day, period, charge) in rater.For(tenant).Monthly(from, to))
            {
                write(new ChargeRow { Tenant = tenant, Period = period, Day = day, Workload = 0, Line = charge.Line, Tier = charge.Tier, Terms = prices.TermsAt(tenant, start), From = start, To = end, Nano = charge.Nano, Base = charge.Base });
            }
        }
    }

    private static void Terms(ref Sum sum, Meter used, Meter reserved, ReadOnlySpan<long> values, int known)
    {
        if ((known & (1 << used.Index)) != 0) (sum.Used, sum.HasUsed) = (sum.Used + values[used.Index], true);
        if ((known & (1 << reserved.Index)) != 0) (sum.Reserved, sum.HasReserved) = (sum.Reserved + values[reserved.Index], true);
    }

    // By workload, SKU, version and tier: the same input gives the same rows in the same order.
    private void Flush(Open open)
    {
        foreach (var ((workload, line, tier), sum) in open.Sums.OrderBy(pair => pair.Key.Workload).ThenBy(pair => pair.Key.Line.Sku, StringComparer.Ordinal)
            .ThenBy(pair => pair.Key.Line.Book, StringComparer.Ordinal).ThenBy(pair => pair.Key.Line.Version).ThenBy(pair => pair.Key.Tier))
        {
            if (sum.Nano == 0 && sum.Base == 0) continue;
            write(new ChargeRow
            {
                Tenant = open.Rater.Tenant,
                Period = open.Period,
                Day = open.Day.Date,
                Workload = workload,
                Line = line,
                Tier = tier,
                Terms = open.Terms,
                From = sum.From,
                To = sum.To,
                Nano = sum.Nano,
                Base = sum.Base,
                Used = sum.HasUsed ? sum.Used : null,
                Reserved = sum.HasReserved ? sum.Reserved : null,
            });
        }

        open.Sums.Clear();
    }
}
