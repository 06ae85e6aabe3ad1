using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Verification;

namespace Metering.Service.Reports;

/// <summary>A recommendation for each workload that reserves CPU or memory: what it should reserve, and what that saves at its prices. Grain by grain, over a range of some weeks.</summary>
internal sealed class RecommendationReport(LedgerStore store, LedgerOptions options)
{
    private const decimal Month = 30 * 86_400;
    private const decimal CoreStep = 0.01m;
    private const decimal ByteStep = 1 << 20;

    private sealed class Workload(Facet facet)
    {
        public Facet Facet => facet;

        public List<(double Used, double Reserved, long Seconds)>[] Buckets { get; } = [[], []];

        /// <summary>By resource: what was paid and for how much, and the price's line; null: no price asks for the reservation.</summary>
        public (PriceLine Line, Amount Cost, Int128 Nano)?[] Paid { get; } = new (PriceLine, Amount, Int128)?[2];
    }

    private static readonly (string Name, Meter Used, Meter Reserved, decimal PerUnit, decimal Step)[] Resources =
    [
        ("cpu", MeterCatalogue.Cpu, MeterCatalogue.CpuReserved, 1_000_000, CoreStep), ("memory", MeterCatalogue.Memory, MeterCatalogue.MemoryReserved, 1, ByteStep),
    ];

    /// <param name="query">Range, filters and caller; its groups are not asked.</param>
    public async Task<List<RecommendationView>> RunAsync(UsageQuery query, CancellationToken cancel)
    {
        Dimension.TryFind("tenant", store.IsPostgres, out var tenant);
        Dimension.TryFind("workload", store.IsPostgres, out var workload);
        query = query with { GroupBy = [tenant, workload] };
        await using var connection = await store.OpenReadAsync(query.Caller, cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var prices = await PriceCatalogue.LoadAsync(view.Context, cancel);
        var grain = await LedgerGrain.ReadAsync(view, options);
        var rater = new Rater(prices, prices.AsksTraits ? await TraitsReader.ReadAsync(connection, cancel) : null);
        var owners = await OwnerIndex.ReadAsync(connection, query.FromSeconds, query.ToSeconds, cancel);
        var facets = await FacetIndex.LoadAsync(connection, query, cancel);
        var found = new Dictionary<Facet, Workload>();
        var charges = new List<Charge>();
        await UsageStream.ReadAsync(connection, query.FromSeconds, query.ToSeconds, (bucket, id, _, values, known) =>
        {
            // A tenant's whole usage takes part in its tiers.
            var owner = owners.At(id, bucket);
            if (!CostReport.Wanted(query, owner.Tenant)) return;
            charges.Clear();
            var length = grain.LengthAt(bucket);
            rater.For(owner.Tenant).Rate(bucket, length, id, values, known, charges);
            if (facets.Find(id, bucket, owner) is not { } facet) return;
            if (!found.TryGetValue(facet, out var one)) found[facet] = one = new Workload(facet);
            for (var i = 0; i < Resources.Length; i++)
            {
                var (_, used, reserved, perUnit, _) = Resources[i];
                if ((known >> used.Index & 1) == 0 || (known >> reserved.Index & 1) == 0 || values[reserved.Index] == 0) continue;
                var unit = (double)perUnit * length;
                one.Buckets[i].Add((values[used.Index] / unit, values[reserved.Index] / unit, length));
                foreach (var charge in charges)
                {
                    if (charge.Line.Meter != used || charge.Line.Basis == PriceBasis.Usage) continue;
                    var (_, cost, nano) = one.Paid[i] ?? (charge.Line, Amount.Zero, 0);
                    one.Paid[i] = (charge.Line, cost + charge.Cost, nano + charge.Nano);
                }
            }
        }, cancel);

        return [.. found.Values.OrderBy(one => one.Facet.Order, StringComparer.Ordinal).SelectMany(Views)];
    }

    private static IEnumerable<RecommendationView> Views(Workload workload)
    {
        for (var i = 0; i < Resources.Length; i++)
        {
            var buckets = workload.Buckets[i];
            if (buckets.Count == 0) continue;
            var advice = Sizing.Of(buckets, Resources[i].Step);
            var (saving, reason) = advice.Suggested is { } suggested ? Saving(buckets, workload.Paid[i], (double)suggested, Resources[i].PerUnit) : (null, advice.Reason);
            yield return new RecommendationView((WorkloadKey)workload.Facet.Key["workload"], (string)workload.Facet.Key["tenant"], Resources[i].Name, Math.Round(advice.Reserved, 6), advice.Used95, advice.Suggested, saving,
                saving is null ? null : workload.Paid[i]!.Value.Line.Currency, reason);
        }
    }

    private static (decimal? Saving, string? Reason) Saving(List<(double Used, double Reserved, long Seconds)> buckets, (PriceLine Line, Amount Cost, Int128 Nano)? paid, double suggested, decimal perUnit)
    {
        if (paid is not { } price) return (null, "No price asks for its reservation, so that reserving less saves no money.");
        if (price.Nano <= 0) return (null, "Nothing was charged for it.");
        decimal less = 0;
        foreach (var (used, reserved, seconds) in buckets)
        {
            // Only what is cut off above: a reservation that was smaller is left as it was.
            var smaller = Math.Min(reserved, suggested);
            var (now, then) = price.Line.Basis == PriceBasis.Reservation ? (reserved, smaller) : (Math.Max(used, reserved), Math.Max(used, smaller));
            less += (decimal)(now - then) * seconds;
        }

        var units = less * perUnit / price.Line.Unit.BaseUnits;
        var average = price.Cost.ToNearest() / ((decimal)price.Nano / PriceLine.NanoScale);
        return (Math.Round(units * average * Month / buckets.Sum(bucket => bucket.Seconds), 4), null);
    }
}
