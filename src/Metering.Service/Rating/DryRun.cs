using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Rating;

/// <summary>Rates the last periods with a draft of a price book and compares. Reads only.</summary>
internal sealed class DryRun(LedgerStore store, LedgerOptions options, TimeProvider clock)
{
    /// <summary>The last periods of each tenant, of which the present one is the last, up to now. Faults instead of an answer when the draft breaks rules.</summary>
    public async Task<(DryRunAnswer? Answer, IReadOnlyList<Fault> Faults)> RunAsync(string book, DryRunDraft draft, int periods, CancellationToken cancel)
    {
        var grain = await LedgerGrain.ReadAsync(store, options, cancel);
        var faults = new List<Fault>();
        if (draft.Versions.Count == 0) faults.Add(new Fault("versions", "is empty."));
        for (var i = 0; i < draft.Versions.Count; i++)
        {
            if (draft.Versions[i] is null)
            {
                faults.Add(new Fault($"versions[{i}]", "is empty."));
                continue;
            }

            // Times are judged when it is applied: here they do not count.
            faults.AddRange(PriceRules.Check(draft.Versions[i] with { ValidFrom = null, ValidTo = null }, grain, []).Select(fault => fault with { Field = $"versions[{i}].{fault.Field}" }));
        }

        if (faults.Count > 0) return (null, faults);
        var version = draft.Versions.MaxBy(one => one.FromSeconds)! with { ValidFrom = null, ValidTo = null };
        await using var context = await store.ReadContextAsync(cancel);
        var tenants = await context.Set<Tenant>().AsNoTracking().ToListAsync(cancel);
        var stored = (await context.Set<StoredPriceVersion>().AsNoTracking().ToListAsync(cancel)).ConvertAll(row => (row.Book, row.Version, row.Read()));
        var contracts = (await context.Set<StoredContract>().AsNoTracking().ToListAsync(cancel)).ConvertAll(row => (row.Tenant, row.Read()));
        var current = new PriceCatalogue(tenants, stored, contracts);
        var drafted = new PriceCatalogue(tenants, [.. stored.Where(row => row.Book != book), (book, 0, version)], contracts);
        var ranges = tenants.Where(tenant => current.BooksOf(tenant.Id).Contains(book)).Select(tenant => Range(tenant, periods)).ToList();
        if (ranges.Count == 0) return (new DryRunAnswer(book, []), []);
        return (new DryRunAnswer(book, await CompareAsync(current, drafted, ranges, grain, cancel)), []);
    }

    private (string Tenant, long From, long To) Range(Tenant tenant, int periods)
    {
        var zone = TenantCalendar.Zone(tenant.TimeZone);
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        return (tenant.Id, TenantCalendar.PeriodOf(now, zone).Period.Plus(1 - periods).Bounds(zone).Start, now);
    }

    private async Task<List<DryRunRow>> CompareAsync(PriceCatalogue current, PriceCatalogue drafted, List<(string Tenant, long From, long To)> ranges, LedgerGrain grain, CancellationToken cancel)
    {
        var costs = new SortedDictionary<(string Tenant, BillingPeriod Period, string Currency), (Amount? Current, Amount? Draft)>();
        await using var connection = await store.OpenReadAsync(cancel);
        var traits = current.AsksTraits || drafted.AsksTraits ? await TraitsReader.ReadAsync(connection, cancel) : null;
        var books = new[]
        {
            new ChargeBook(new Rater(current, traits), current, row => Add(row, draft: false)),
            new ChargeBook(new Rater(drafted, traits), drafted, row => Add(row, draft: true)),
        };
        var wanted = ranges.ToDictionary(range => range.Tenant, StringComparer.Ordinal);
        await UsageStream.ReadAsync(connection, ranges.Min(range => range.From), ranges.Max(range => range.To), (tenant, bucket, workload, values, known) =>
        {
            if (!wanted.TryGetValue(tenant, out var range) || bucket < range.From) return;
            foreach (var book in books) book.Add(tenant, bucket, grain.LengthAt(bucket), workload, values, known);
        }, cancel);
        foreach (var book in books) book.Finish(ranges);
        return [.. costs.Select(pair => new DryRunRow(pair.Key.Tenant, pair.Key.Period.ToString(), pair.Key.Currency, pair.Value.Current, pair.Value.Draft,
            (pair.Value.Draft ?? Amount.Zero) - (pair.Value.Current ?? Amount.Zero)))];

        void Add(ChargeRow row, bool draft)
        {
            var key = (row.Tenant, row.Period, row.Line.Currency);
            var (before, after) = costs.GetValueOrDefault(key);
            costs[key] = draft ? (before, (after ?? Amount.Zero) + row.Cost) : ((before ?? Amount.Zero) + row.Cost, after);
        }
    }
}
