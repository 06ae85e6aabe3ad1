using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Allocation;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>
/// Rates a period for its documents alone: by the sums of the roll-up where they hold, and row by row where they do not. A tier's quantity does not depend on how the period is split, so its documents are those of
/// <see cref="RatedPeriod.ReadAsync"/>; charges there are none.
/// </summary>
internal sealed class PeriodSums
{
    private readonly PriceCatalogue _prices;
    private readonly BillingPeriod _period;
    private readonly Rater _rater;
    private readonly Dictionary<string, (long Start, long End)> _ranges;
    private readonly Dictionary<(string Tenant, PriceLine Line, int Tier, ContractTerms? Terms), ChargeRow> _sums = [];
    private readonly Dictionary<string, (Int128 Used, Int128 Estimated)> _cpu = new(StringComparer.Ordinal);
    private readonly List<Charge> _charges = [];
    private long _used, _unpriced;

    private PeriodSums(PriceCatalogue prices, TraitsHistory? traits, BillingPeriod period)
    {
        (_prices, _period, _rater) = (prices, period, new Rater(prices, traits));
        _ranges = prices.Tenants.Keys.ToDictionary(tenant => tenant, tenant => period.Bounds(prices.ZoneOf(tenant)), StringComparer.Ordinal);
    }

    /// <summary>Null when something is asked of each row: a service credit, a share of the hosts, or a volume price, whose tiers that were passed are lines too.</summary>
    public static async Task<RatedPeriod?> ReadAsync(LedgerTransaction view, BillingPeriod period, PriceCatalogue prices, LedgerOptions options, CancellationToken cancel)
    {
        var (start, end) = RatedPeriod.Bounds(period, prices);
        if (AsksRows(prices, start, end)) return null;
        var traits = prices.AsksTraits ? await TraitsReader.ReadAsync(view.Connection, cancel) : null;
        var grain = await LedgerGrain.ReadAsync(view, options);
        var owners = await OwnerIndex.ReadAsync(view.Connection, start, end, cancel);
        var days = await Rollup.DaysAsync(view.Connection, start, end, cancel);
        var cells = await Rollup.CellsAsync(view.Connection, start, end, cancel);
        var fingerprint = await RollupFingerprint.LoadAsync(view, prices, options, cancel);
        var sums = new PeriodSums(prices, traits, period);
        for (var day = start / Rollup.Day * Rollup.Day; day < end; day += Rollup.Day)
        {
            var (from, to) = (Math.Max(day, start), Math.Min(day + Rollup.Day, end));
            if (days.TryGetValue(day, out var row) && row.Holds(fingerprint))
            {
                foreach (var cell in cells.GetValueOrDefault(day) ?? []) sums.Add(cell);
                from = Math.Max(from, row.Until);
            }

            if (from < to) await UsageStream.ReadAsync(view.Connection, from, to, (bucket, workload, estimated, values, known) => sums.Add(owners.At(workload, bucket).Tenant, bucket, grain.LengthAt(bucket), workload, estimated, values, known), cancel);
        }

        return sums.End(start, end);
    }

    private static bool AsksRows(PriceCatalogue prices, long start, long end) =>
        AllocationCharges.Asked(prices, start, end)
        || prices.Tenants.Keys.Any(tenant => prices.ContractOf(tenant)?.Terms.Any(terms => terms.ServiceCredit is not null && terms.FromSeconds < end && terms.ToSeconds > start) == true)
        || prices.Tenants.Keys.SelectMany(prices.BooksOf).Distinct(StringComparer.Ordinal).SelectMany(prices.Book)
            .Any(validity => validity.From < end && validity.To > start && validity.Lines.Any(line => line.Model == PriceModel.Volume && line.Prices.Length > 1));

    // A cell lies within one month of its tenant.
    private void Add(RollupCell cell)
    {
        if (!_ranges.TryGetValue(cell.Tenant, out var range))
        {
            if (cell.IsCount) _unpriced += (long)cell.Base;
            return;
        }

        if (cell.From < range.Start || cell.From >= range.End) return;
        if (cell.Book.Length > 0)
        {
            var rater = _rater.For(cell.Tenant);
            _charges.Clear();
            rater.AddSum(cell.From, cell.Book, cell.Version, cell.Sku, cell.Base, _charges);

            // What nobody used has no line.
            if (cell.Base != 0) Charge(rater, cell.From, cell.To, 0, cell.Base);
            return;
        }

        if (cell.IsCount) _used += (long)cell.Base;
        ref var cpu = ref CollectionsMarshal.GetValueRefOrAddDefault(_cpu, cell.Tenant, out _);
        if (cell.Sku == RollupCell.Cpu) cpu.Used += cell.Base;
        if (cell.Sku == RollupCell.Estimated) cpu.Estimated += cell.Base;
    }

    private void Add(string tenant, long bucket, long bucketSeconds, long workload, long estimated, ReadOnlySpan<long> values, int known)
    {
        if (!_ranges.TryGetValue(tenant, out var range))
        {
            _unpriced++;
            return;
        }

        if (bucket < range.Start || bucket >= range.End) return;
        _used++;
        ref var cpu = ref CollectionsMarshal.GetValueRefOrAddDefault(_cpu, tenant, out _);
        cpu = (cpu.Used + values[MeterCatalogue.Cpu.Index], cpu.Estimated + estimated);
        var rater = _rater.For(tenant);
        _charges.Clear();
        rater.Rate(bucket, bucketSeconds, workload, values, known, _charges);
        Charge(rater, bucket, bucket + bucketSeconds, workload, null);
    }

    private void Charge(TenantRater rater, long from, long to, long workload, Int128? quantity)
    {
        foreach (var charge in _charges)
        {
            var counted = quantity ?? charge.Base;
            if (charge.Nano == 0 && counted == 0) continue;
            Add(new ChargeRow
            {
                Tenant = rater.Tenant, Period = _period, Day = rater.Day.Date, Workload = workload, Line = charge.Line, Tier = charge.Tier, Terms = rater.Terms, From = from, To = to, Nano = charge.Nano, Base = counted,
            });
            if (quantity is not null) quantity = 0;
        }
    }

    private void Add(ChargeRow row)
    {
        var key = (row.Tenant, row.Line, row.Tier, row.Terms);
        _sums[key] = _sums.TryGetValue(key, out var sum) ? sum with { Nano = sum.Nano + row.Nano, Base = sum.Base + row.Base } : row;
    }

    private RatedPeriod End(long start, long end)
    {
        // Prices per month accrue by time, whatever was used.
        new ChargeBook(_rater, _prices, Add).Finish(_ranges.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value.Start, pair.Value.End)));
        return new RatedPeriod(_period, start, end, new ChargeList(), [.. _sums.Values], _used, _unpriced) { EstimatedShares = RatedPeriod.Shares(_cpu) };
    }
}
