using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Allocation;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;

namespace Metering.Service.Billing;

/// <summary>What a period costs by the prices that a view of the ledger has.</summary>
/// <param name="Start">Where it begins in the first zone, Unix seconds.</param>
/// <param name="End">Where it ends in the last zone.</param>
/// <param name="Charges">One per workload, meter, tier and day; not numbered yet.</param>
/// <param name="Rows">The same added up per tenant, price, tier and terms: what statements are made of. Workload, day and both ends are those of the first.</param>
/// <param name="UsageRows">Rows of usage that took part.</param>
/// <param name="UnpricedRows">Rows of whom no tenant is known: nobody pays for them.</param>
internal sealed record RatedPeriod(BillingPeriod Period, long Start, long End, ChargeList Charges, List<ChargeRow> Rows, long UsageRows, long UnpricedRows)
{
    /// <summary>Usage that is not what the batches billed; null: none, or nobody asked.</summary>
    public ConservationTally.Fault? Unproved { get; private init; }

    /// <summary>By tenant, how much of its CPU time is an estimate (growth of a parent that was split over children that nobody read at their end): 0 to 1 with 6 places; absent where there was no CPU time.</summary>
    public IReadOnlyDictionary<string, decimal> EstimatedShares { get; init; } = new Dictionary<string, decimal>();

    /// <summary>Bounds over the zones of all tenants; those of UTC when there is none.</summary>
    public static (long Start, long End) Bounds(BillingPeriod period, PriceCatalogue prices)
    {
        var bounds = prices.Tenants.Keys.Select(tenant => period.Bounds(prices.ZoneOf(tenant))).DefaultIfEmpty(period.Bounds(NodaTime.DateTimeZone.Utc)).ToList();
        return (bounds.Min(one => one.Start), bounds.Max(one => one.End));
    }

    internal static Dictionary<string, decimal> Shares(Dictionary<string, (Int128 Used, Int128 Estimated)> cpu) =>
        cpu.Where(pair => pair.Value.Used > 0).ToDictionary(pair => pair.Key, pair => Math.Round((decimal)pair.Value.Estimated / (decimal)pair.Value.Used, 6), StringComparer.Ordinal);

    /// <param name="prove">True to hold the usage against the batches on the way.</param>
    /// <param name="at">Told at each bucket how many seconds of the period are read, of how many.</param>
    public static async Task<RatedPeriod> ReadAsync(LedgerTransaction view, BillingPeriod period, PriceCatalogue prices, LedgerOptions options, CancellationToken cancel, bool prove = false, Action<long, long>? at = null)
    {
        var traits = prices.AsksTraits ? await TraitsReader.ReadAsync(view.Connection, cancel) : null;
        var grain = await LedgerGrain.ReadAsync(view, options);
        var ranges = prices.Tenants.Keys.ToDictionary(tenant => tenant, tenant => period.Bounds(prices.ZoneOf(tenant)), StringComparer.Ordinal);
        var (start, end) = Bounds(period, prices);
        var (charges, sums) = (new ChargeList(), new Dictionary<(string Tenant, PriceLine Line, int Tier, ContractTerms? Terms), ChargeRow>());
        var texts = new ChargeTexts();
        var (used, unpriced) = (0L, 0L);
        var book = new ChargeBook(new Rater(prices, traits), prices, Charge);
        var credits = new ServiceCredits(prices);
        var shares = new AllocationCharges(prices, ranges);
        var allocation = AllocationCharges.Asked(prices, start, end) ? await AllocationStream.OpenAsync(view.Connection, await AllocationBook.LoadAsync(view.Context, cancel), grain, start, end, shares.Add, cancel) : null;
        var cpu = new Dictionary<string, (Int128 Used, Int128 Estimated)>(StringComparer.Ordinal);
        var owners = await OwnerIndex.ReadAsync(view.Connection, start, end, cancel);
        var tally = prove ? await ConservationTally.BeginAsync(view, cancel) : null;
        var last = long.MinValue;
        await UsageStream.ReadAsync(view.Connection, start, end, (bucket, workload, estimated, values, known) =>
        {
            if (bucket != last) at?.Invoke((last = bucket) - start, end - start);
            tally?.Add(bucket, workload, estimated, values);
            var tenant = owners.At(workload, bucket).Tenant;
            allocation?.Add(tenant, bucket, workload, values, known);
            if (!ranges.TryGetValue(tenant, out var range))
            {
                unpriced++;
                return;
            }

            if (bucket < range.Start || bucket >= range.End) return;
            used++;
            ref var counted = ref CollectionsMarshal.GetValueRefOrAddDefault(cpu, tenant, out _);
            counted = (counted.Used + values[MeterCatalogue.Cpu.Index], counted.Estimated + estimated);
            credits.Add(tenant, bucket, grain.LengthAt(bucket), workload, values, known);
            book.Add(tenant, bucket, grain.LengthAt(bucket), workload, values, known);
        }, cancel);
        book.Finish(ranges.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value.Start, pair.Value.End)));
        allocation?.Finish();
        foreach (var row in shares.Rows(period)) Charge(row);
        foreach (var row in credits.Rows(period)) Charge(row);
        return new RatedPeriod(period, start, end, charges, [.. sums.Values], used, unpriced)
        {
            Unproved = tally is null ? null : await tally.EndAsync(view, start, end, grain, cancel),
            EstimatedShares = Shares(cpu),
        };

        void Charge(ChargeRow row)
        {
            charges.Add(ChargeEntry.Of(row, texts));
            var key = (row.Tenant, row.Line, row.Tier, row.Terms);
            sums[key] = sums.TryGetValue(key, out var sum) ? sum with { Nano = sum.Nano + row.Nano, Base = sum.Base + row.Base } : row;
        }
    }
}
