using Metering.Service.Tenants;
using NodaTime;

namespace Metering.Service.Rating;

/// <summary>
/// Prices one tenant's rows in the order of time. Between two bounds (a day, a period, a version of the prices) nothing but the cumulative quantities changes; those and the present bounds are its state.
/// </summary>
internal sealed class TenantRater(string tenant, PriceCatalogue prices, TraitsHistory traits)
{
    private readonly DateTimeZone _zone = prices.ZoneOf(tenant);
    private readonly Dictionary<string, Cumulative> _cumulatives = new(StringComparer.Ordinal);
    private readonly Dictionary<PriceLine, Cumulative> _byLine = [];
    private readonly Dictionary<long, (long Until, (PriceLine Line, Cumulative Cumulative)[] Lines)> _selected = [];
    private (PriceLine Line, Cumulative Cumulative)[] _all = [];
    private bool _selects;
    private long _from = long.MaxValue;
    private long _until = long.MinValue;
    private PriceCatalogue.Validity? _validity;

    public string Tenant => tenant;

    /// <summary>The period, and its bounds, of the row rated last.</summary>
    public (BillingPeriod Period, long Start, long End) Period { get; private set; }

    /// <summary>The day, and its bounds, of the row rated last.</summary>
    public (LocalDate Date, long Start, long End) Day { get; private set; }

    /// <summary>The currency of the prices that held for the row rated last; null: none held.</summary>
    public string? Currency => _validity is { Lines: [var line, ..] } ? line.Currency : null;

    /// <summary>The contract's terms for the row rated last; null: none hold.</summary>
    public ContractTerms? Terms { get; private set; }

    /// <summary>
    /// Appends what a row of usage costs, by price and tier; nothing when no price holds.
    /// </summary>
    /// <param name="bucketSeconds">The bucket's length.</param>
    /// <param name="values">By <see cref="Meters.Meter.Index"/>, in base units.</param>
    /// <param name="known">Bit per meter; what is not known is not priced.</param>
    public void Rate(long bucket, long bucketSeconds, long workload, ReadOnlySpan<long> values, int known, List<Charge> charges)
    {
        if (bucket < _from || bucket >= _until) Move(bucket);
        foreach (var (line, cumulative) in Lines(workload, bucket))
        {
            if (line.TryBase(values, known, bucketSeconds, out var quantity)) cumulative.Add(line, quantity, charges);
        }
    }

    /// <summary>Counts usage before the range of a report, summed over time between bounds of periods and versions. A null sum is unknown.</summary>
    /// <param name="at">An instant within that time.</param>
    /// <param name="sums">The priced quantity of a line, summed.</param>
    public void Skip(long at, long workload, Func<PriceLine, Int128?> sums)
    {
        if (at < _from || at >= _until) Move(at);
        foreach (var (line, cumulative) in Lines(workload, at))
        {
            if (sums(line) is { } sum) cumulative.Skip(line, sum);
        }
    }

    /// <summary>Appends what the prices per month of the tenant itself cost from one instant to another, cut by day: they accrue by time, whatever runs.</summary>
    public IEnumerable<(long From, long To, LocalDate Day, BillingPeriod Period, Charge Charge)> Monthly(long from, long to)
    {
        var charges = new List<Charge>();
        for (var at = from; at < to;)
        {
            var (validity, until) = prices.At(tenant, at);
            var day = TenantCalendar.DayOf(at, _zone);
            var period = TenantCalendar.PeriodOf(at, _zone);
            var end = Math.Min(Math.Min(until, to), Math.Min(day.End, period.End));
            foreach (var line in validity?.Lines ?? [])
            {
                if (line.Unit != PricingUnit.Months) continue;
                var cumulative = new Cumulative(period.End - period.Start);
                cumulative.Skip(line, Accrued(line.Sku, period.Start, at));
                charges.Clear();
                cumulative.Add(line, end - at, charges);
                yield return (at, end, day.Date, period.Period, charges[0]);
            }

            at = end;
        }
    }

    // Seconds of the period during which the SKU had a price.
    private long Accrued(string sku, long from, long to)
    {
        long seconds = 0;
        for (var at = from; at < to;)
        {
            var (validity, until) = prices.At(tenant, at);
            var end = Math.Min(until, to);
            if (validity is not null && validity.Lines.Any(line => line.Sku == sku)) seconds += end - at;
            at = end;
        }

        return seconds;
    }

    /// <summary>Moves to an instant; true when other prices, another day or another period may hold from there.</summary>
    public bool Enter(long at)
    {
        if (at >= _from && at < _until) return false;
        Move(at);
        return true;
    }

    /// <summary>
    /// Where its cumulative quantities stand, as a hash: what the tenant is charged from here on depends on that, the prices and the rows alone. Two ratings that came here by other splits of the same usage are in the same state.
    /// </summary>
    public string State() => Billing.PeriodManifest.Hash(Period.Period + string.Concat(_cumulatives.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value.State is { Length: > 0 } state ? $"\n{pair.Key}\t{state}" : "")));

    /// <summary>Appends what a sum of usage costs, priced by a line that holds at the instant; as rating its rows one by one does, but for the row that each tier was entered on.</summary>
    public void AddSum(long at, string book, int version, string sku, Int128 sum, List<Charge> charges)
    {
        Enter(at);
        foreach (var (line, cumulative) in _all)
        {
            if (line.Sku == sku && line.Version == version && line.Book == book) cumulative.AddSum(line, sum, charges);
        }
    }

    /// <summary>The prices that hold for a workload at an instant that was entered.</summary>
    internal ReadOnlySpan<(PriceLine Line, Cumulative Cumulative)> Lines(long workload, long at)
    {
        if (!_selects) return _all;
        if (_selected.TryGetValue(workload, out var known) && at < known.Until) return known.Lines;
        var (now, until) = traits.At(workload, at);
        return (_selected[workload] = (until, Select(now))).Lines;
    }

    // Of the prices for a meter the first that matches.
    private (PriceLine Line, Cumulative Cumulative)[] Select(WorkloadTraits workload)
    {
        var priced = new HashSet<string>(StringComparer.Ordinal);
        return [.. _all.Where(pair => (pair.Line.Selector is null || pair.Line.Selector.Matches(workload)) && priced.Add(pair.Line.Name))];
    }

    private void Move(long at)
    {
        Day = TenantCalendar.DayOf(at, _zone);
        var period = TenantCalendar.PeriodOf(at, _zone);
        if (period.Period != Period.Period)
        {
            _cumulatives.Clear();
            _byLine.Clear();
            _validity = null;
        }

        Period = period;
        Terms = prices.TermsAt(tenant, at);
        var (validity, until) = prices.At(tenant, at);
        (_from, _until) = (at, Math.Min(Math.Min(until, Day.End), Period.End));
        if (validity is not null && ReferenceEquals(validity, _validity)) return;
        _validity = validity;
        _all = [.. (validity?.Lines ?? []).Where(line => line.Unit != PricingUnit.Months).Select(line => (line, Of(line)))];
        _selects = _all.Any(pair => pair.Line.Selector is not null);
        _selected.Clear();
    }

    private Cumulative Of(PriceLine line)
    {
        if (_byLine.TryGetValue(line, out var known)) return known;
        if (!_cumulatives.TryGetValue(line.Sku, out var cumulative))
            _cumulatives[line.Sku] = cumulative = new Cumulative(line.Unit.BaseUnits == 0 ? Period.End - Period.Start : line.Unit.BaseUnits);
        return _byLine[line] = cumulative;
    }
}
