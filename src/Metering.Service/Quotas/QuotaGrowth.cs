using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>
/// Adds up, by quota and figure, what rows of usage add. Rows that count for the same quotas are added up first, so that a fleet of workloads costs a few numbers each, whatever the number of quotas.
/// Pure but for its sums; one owner.
/// </summary>
/// <param name="only">Whether a quota counts a bucket; null: every one does.</param>
internal sealed class QuotaGrowth(QuotaCatalogue catalogue, Func<CompiledQuota, long, bool>? only = null)
{
    /// <summary>What was sent at once after an absence is spread over so many minutes at most.</summary>
    private const int MaxMinutes = 24 * 60;

    private const long Minute = 60_000_000;
    private static readonly Dictionary<string, string> NoLabels = [];

    private readonly Dictionary<QuotaSet, QuotaSum> _last = [];
    private readonly Dictionary<(QuotaSet Set, long Bucket, (long From, long To) Span, string Tenant, int Sign), QuotaSum> _sums = [];
    private readonly Dictionary<QuotaKey, QuotaUse> _uses = [];
    private QuotaSum? _latest;

    /// <summary>Adds what its owner of then used.</summary>
    public void Add(UsageRow row) => Add(row, catalogue.Of(row.Workload, row.Bucket), 1);

    /// <param name="sign">−1 takes away what became another owner's: peaks and minutes stay.</param>
    public void Add(UsageRow row, OwnedInterval owner, int sign = 1) => Add(row, catalogue.Of(row.Workload, owner, row.Bucket), sign);

    private void Add(UsageRow row, QuotasOfWorkload counts, int sign)
    {
        var (set, owner) = (counts.Set, counts.Owner);
        if (set.Quotas.Count == 0) return;
        if (set.HasCost && catalogue.Prices.AsksTraits) AddSelected(row, owner, set, sign);
        var sum = _latest is { } latest && latest.Set == set ? latest : _last.GetValueOrDefault(set);
        if (sum is null || !sum.Takes(row, owner, sign)) _last[set] = sum = SumOf(set, row, owner, sign);
        (_latest = sum).Add(row);
    }

    private QuotaSum SumOf(QuotaSet set, UsageRow row, OwnedInterval owner, int sign)
    {
        ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(_sums, (set, row.Bucket, set.HasMinutes ? (row.From, row.To) : default, set.HasCost ? owner.Tenant : "", sign), out _);
        return sum ??= new QuotaSum(set, row.Bucket, owner, row.From, row.To, sign);
    }

    /// <summary>What every figure grows by, in key order: replicas lock in the same order.</summary>
    public List<QuotaUse> InOrder()
    {
        foreach (var sum in _sums.Values)
        {
            foreach (var quota in sum.Set.Quotas)
            {
                if (only?.Invoke(quota, sum.Bucket) != false) Apply(quota, sum);
            }
        }

        _sums.Clear();
        var uses = _uses.Values.ToList();
        uses.Sort(static (a, b) => a.Quota.Index != b.Quota.Index ? a.Quota.Index.CompareTo(b.Quota.Index) : a.Start != b.Start ? a.Start.CompareTo(b.Start) : string.CompareOrdinal(a.Component, b.Component));
        return uses;
    }

    private void Apply(CompiledQuota quota, QuotaSum sum)
    {
        if (sum.Sign < 0 && (quota.IsPeak || quota.Slots == QuotaSlots.Minutes)) return;
        if (quota.IsStarved)
        {
            Grow(quota, sum, QuotaUse.Waited, sum.Waited);
            Grow(quota, sum, QuotaUse.Reserved, sum.Reserved);
        }
        else if (quota.Meter is { } meter)
        {
            if (sum.Has(meter)) Grow(quota, sum, QuotaUse.Whole, sum[meter]);
        }
        else if (!catalogue.Prices.AsksTraits)
        {
            foreach (var (line, component) in catalogue.Priced(sum.Tenant, sum.Bucket))
            {
                if (Counted(line) is { } counted && sum.Has(counted)) Grow(quota, sum, component, sum[counted]);
            }
        }
    }

    private void Grow(CompiledQuota quota, QuotaSum sum, string component, Int128 quantity)
    {
        if (quantity == 0) return;
        if (quota.Slots == QuotaSlots.Minutes) Spread(quota, sum.From, sum.To, component, quantity);
        else Grow(quota, StartOf(quota, sum.Bucket), component, quantity * sum.Sign);
    }

    private void Grow(CompiledQuota quota, long start, string component, Int128 quantity)
    {
        // The row of the whole is what replicas lock.
        if (quota.IsCost) Of(quota, start, QuotaUse.Whole);
        var use = Of(quota, start, component);
        use.Growth = quota.IsPeak ? Int128.Max(use.Growth, quantity) : use.Growth + quantity;
    }

    // Over the minutes that it was used in, by time; shares are differences of rounded-down cumulatives, so they add up.
    private void Spread(CompiledQuota quota, long from, long to, string component, Int128 quantity)
    {
        from = Math.Max(from, to - MaxMinutes * Minute);
        if (to <= from) return;
        for (var at = from / Minute * Minute; at < to; at += Minute)
        {
            var share = Cumulative(Math.Min(at + Minute, to)) - Cumulative(Math.Max(at, from));
            if (share != 0) Grow(quota, at / 1_000_000, component, share);
        }

        Int128 Cumulative(long at) => at == from ? 0 : at == to ? quantity : quantity * (at - from) / (to - from);
    }

    private QuotaUse Of(CompiledQuota quota, long start, string component)
    {
        var key = new QuotaKey(quota, start, component);
        ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(_uses, key, out _);
        return use ??= new QuotaUse(key);
    }

    private static long StartOf(CompiledQuota quota, long bucket) => quota.Slots == QuotaSlots.Windows ? quota.WindowOf(bucket).Start : bucket;

    // Prices that select workloads are asked row by row: of those for a meter the first that matches holds.
    private void AddSelected(UsageRow row, OwnedInterval owner, QuotaSet set, int sign)
    {
        var traits = new WorkloadTraits(row.Workload.Host, row.Workload.Kind, row.Workload.Attributes.Latest.Labels, NoLabels);
        var priced = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (line, component) in catalogue.Priced(owner.Tenant, row.Bucket))
        {
            if ((line.Selector is not null && !line.Selector.Matches(traits)) || !priced.Add(line.Name) || !line.TryBase(row.Values, row.Known, 0, out var quantity) || quantity == 0) continue;
            foreach (var quota in set.Quotas)
            {
                if (!quota.IsCost || only?.Invoke(quota, row.Bucket) == false) continue;
                if (quota.Slots != QuotaSlots.Minutes) Grow(quota, StartOf(quota, row.Bucket), component, (Int128)quantity * sign);
                else if (sign > 0) Spread(quota, row.From, row.To, component, quantity);
            }
        }
    }

    private static Meter? Counted(PriceLine line) => line.Basis == PriceBasis.Reservation ? line.Reserved : line.Meter;
}
