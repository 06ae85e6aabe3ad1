using System.Globalization;
using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>Adds up, by quota and figure, what rows of usage add. Pure but for its sums; one owner.</summary>
internal sealed class QuotaGrowth(QuotaCatalogue catalogue)
{
    /// <summary>What was sent at once after an absence is spread over so many minutes at most.</summary>
    private const int MaxMinutes = 24 * 60;

    private static readonly Dictionary<string, string> NoLabels = [];

    private readonly Dictionary<(CompiledQuota Quota, long Start, string Component), QuotaUse> _uses = [];
    private readonly (long Bucket, QuotaUse? Use)[] _last = new (long, QuotaUse?)[catalogue.Quotas.Count];
    private readonly Dictionary<(string Tenant, long Bucket), (PriceLine Line, string Component)[]> _prices = [];

    public bool IsEmpty => _uses.Count == 0;

    /// <summary>In key order: replicas lock in the same order.</summary>
    public List<QuotaUse> InOrder()
    {
        var uses = _uses.Values.ToList();
        uses.Sort(static (a, b) => a.Quota.Index != b.Quota.Index ? a.Quota.Index.CompareTo(b.Quota.Index) : a.Start != b.Start ? a.Start.CompareTo(b.Start) : string.CompareOrdinal(a.Component, b.Component));
        return uses;
    }

    /// <param name="sign">−1 takes away what became another owner's: peaks and minutes stay.</param>
    /// <param name="only">Null: every quota.</param>
    public void Add(UsageRow row, OwnedInterval owner, int sign = 1, Predicate<CompiledQuota>? only = null)
    {
        foreach (var quota in catalogue.Of(row.Workload, owner, row.Bucket))
        {
            if (only is not null && !only(quota)) continue;
            if (sign < 0 && (quota.IsPeak || quota.Slots == QuotaSlots.Minutes)) continue;
            if (quota.Meter is { } meter && quota.Slots != QuotaSlots.Minutes)
            {
                if ((row.Known & (1 << meter.Index)) != 0 && row.Values[meter.Index] != 0) Grow(quota, row.Bucket, row.Values[meter.Index] * sign);
            }
            else if (quota.Slots == QuotaSlots.Minutes)
            {
                if (sign > 0) AddMinutes(quota, row, owner);
            }
            else
            {
                foreach (var (component, quantity) in Priced(row, owner)) Cost(quota, StartOf(quota, row.Bucket), component, (Int128)quantity * sign);
            }
        }
    }

    // The usual row lies in the bucket of the one before.
    private void Grow(CompiledQuota quota, long bucket, long quantity)
    {
        ref var last = ref _last[quota.Index];
        if (last.Use is null || last.Bucket != bucket) last = (bucket, Of(quota, StartOf(quota, bucket), QuotaUse.Whole));
        Grow(last.Use!, quantity);
    }

    private static void Grow(QuotaUse use, Int128 quantity) => use.Growth = use.Quota.IsPeak ? Int128.Max(use.Growth, quantity) : checked(use.Growth + quantity);

    private void Cost(CompiledQuota quota, long start, string component, Int128 quantity)
    {
        Of(quota, start, QuotaUse.Whole);
        Grow(Of(quota, start, component), quantity);
    }

    private void AddMinutes(CompiledQuota quota, UsageRow row, OwnedInterval owner)
    {
        if (row.To <= row.From) return;
        if (quota.IsStarved)
        {
            // Of those who have reserved CPU: throttled time and pressure overlap, so the larger counts.
            if (!Has(row, MeterCatalogue.CpuReserved) || row.Values[MeterCatalogue.CpuReserved.Index] == 0) return;
            if (!Has(row, MeterCatalogue.CpuThrottled) && !Has(row, MeterCatalogue.CpuPressure)) return;
            var there = Has(row, MeterCatalogue.Lifetime) && row.Values[MeterCatalogue.Lifetime.Index] > 0 ? row.Values[MeterCatalogue.Lifetime.Index] : row.To - row.From;
            var waited = Math.Min(Math.Max(Value(row, MeterCatalogue.CpuThrottled), Value(row, MeterCatalogue.CpuPressure)), there);
            Spread(quota, row, QuotaUse.Waited, waited);
            Spread(quota, row, QuotaUse.Reserved, there);
        }
        else if (quota.Meter is { } meter)
        {
            if (Has(row, meter)) Spread(quota, row, QuotaUse.Whole, row.Values[meter.Index]);
        }
        else
        {
            foreach (var (component, quantity) in Priced(row, owner)) Spread(quota, row, component, quantity);
        }
    }

    // Over the minutes that it was used in, by time; shares are differences of rounded-down cumulatives, so they add up.
    private void Spread(CompiledQuota quota, UsageRow row, string component, long quantity)
    {
        if (quantity == 0) return;
        const long minute = 60_000_000;
        var (from, to) = (Math.Max(row.From, row.To - MaxMinutes * minute), row.To);
        for (var at = from / minute * minute; at < to; at += minute)
        {
            var share = Cumulative(Math.Min(at + minute, to)) - Cumulative(Math.Max(at, from));
            if (share == 0) continue;
            if (quota.IsCost) Cost(quota, at / 1_000_000, component, share);
            else Grow(Of(quota, at / 1_000_000, component), share);
        }

        Int128 Cumulative(long at) => (Int128)quantity * (at - from) / (to - from);
    }

    private QuotaUse Of(CompiledQuota quota, long start, string component)
    {
        ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(_uses, (quota, start, component), out _);
        return use ??= new QuotaUse(quota, start, component);
    }

    private static long StartOf(CompiledQuota quota, long bucket) => quota.Slots == QuotaSlots.Windows ? quota.WindowOf(bucket).Start : bucket;

    // What CostQuotaGuard lets pass: usage or reservation alone, so that growth adds up.
    private IEnumerable<(string Component, long Quantity)> Priced(UsageRow row, OwnedInterval owner)
    {
        if (!_prices.TryGetValue((owner.Tenant, row.Bucket), out var lines))
        {
            lines = [.. (catalogue.Prices.At(owner.Tenant, row.Bucket).Prices?.Lines ?? []).Where(line => line.Meter is not null && line.Basis != PriceBasis.Larger)
                .Select(line => (line, string.Create(CultureInfo.InvariantCulture, $"{owner.Tenant}\u001f{line.Book}\u001f{line.Version}\u001f{line.Sku}")))];
            _prices[(owner.Tenant, row.Bucket)] = lines;
        }

        if (lines.Length == 0) yield break;
        var traits = catalogue.Prices.AsksTraits ? new WorkloadTraits(row.Workload.Host, row.Workload.Kind, row.Workload.Attributes.Latest.Labels, NoLabels) : WorkloadTraits.Unknown;
        for (var i = 0; i < lines.Length; i++)
        {
            var (line, component) = lines[i];
            if (line.Selector is not null && !line.Selector.Matches(traits)) continue;
            var priced = false;
            for (var j = 0; j < i && !priced; j++) priced = lines[j].Line.Name == line.Name && (lines[j].Line.Selector is null || lines[j].Line.Selector!.Matches(traits));
            if (!priced && line.TryBase(row.Values, row.Known, 0, out var quantity) && quantity != 0) yield return (component, quantity);
        }
    }

    private static bool Has(UsageRow row, Meter meter) => (row.Known & (1 << meter.Index)) != 0;

    private static long Value(UsageRow row, Meter meter) => Has(row, meter) ? row.Values[meter.Index] : 0;
}
