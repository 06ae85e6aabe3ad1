using Metering.Service.Allocation;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>What a period costs by the prices that a view of the ledger has.</summary>
/// <param name="Start">Where it begins in the first zone, Unix seconds.</param>
/// <param name="End">Where it ends in the last zone.</param>
/// <param name="UsageRows">Rows of usage that took part.</param>
/// <param name="UnpricedRows">Rows of whom no tenant is known: nobody pays for them.</param>
internal sealed record RatedPeriod(BillingPeriod Period, long Start, long End, List<ChargeRow> Rows, long UsageRows, long UnpricedRows)
{
    /// <summary>Bounds over the zones of all tenants; those of UTC when there is none.</summary>
    public static (long Start, long End) Bounds(BillingPeriod period, PriceCatalogue prices)
    {
        var bounds = prices.Tenants.Keys.Select(tenant => period.Bounds(prices.ZoneOf(tenant))).DefaultIfEmpty(period.Bounds(NodaTime.DateTimeZone.Utc)).ToList();
        return (bounds.Min(one => one.Start), bounds.Max(one => one.End));
    }

    public static async Task<RatedPeriod> ReadAsync(LedgerTransaction view, BillingPeriod period, PriceCatalogue prices, LedgerOptions options, CancellationToken cancel)
    {
        Func<long, WorkloadTraits>? traits = null;
        if (prices.AsksTraits)
        {
            var known = await TraitsReader.ReadAsync(view.Connection, cancel);
            traits = workload => known.GetValueOrDefault(workload, WorkloadTraits.Unknown);
        }

        var grain = await LedgerGrain.ReadAsync(view, options);
        var ranges = prices.Tenants.Keys.ToDictionary(tenant => tenant, tenant => period.Bounds(prices.ZoneOf(tenant)), StringComparer.Ordinal);
        var (start, end) = Bounds(period, prices);
        var rows = new List<ChargeRow>();
        var (used, unpriced) = (0L, 0L);
        var shares = new AllocationCharges(prices, ranges);
        var allocation = AllocationCharges.Asked(prices, start, end) ? await AllocationStream.OpenAsync(view.Connection, await AllocationBook.LoadAsync(view.Context, cancel), grain, start, end, shares.Add, cancel) : null;
        var book = new ChargeBook(new Rater(prices, traits), prices, rows.Add);
        await UsageStream.ReadAsync(view.Connection, start, end, (tenant, bucket, workload, values, known) =>
        {
            allocation?.Add(tenant, bucket, workload, values, known);
            if (!ranges.TryGetValue(tenant, out var range))
            {
                unpriced++;
                return;
            }

            if (bucket < range.Start || bucket >= range.End) return;
            used++;
            book.Add(tenant, bucket, grain.LengthAt(bucket), workload, values, known);
        }, cancel);
        book.Finish(ranges.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value.Start, pair.Value.End)));
        allocation?.Finish();
        rows.AddRange(shares.Rows(period));
        return new RatedPeriod(period, start, end, rows, used, unpriced);
    }
}
