using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Rating;

/// <summary>Makes or changes a version of a price book, in one transaction.</summary>
internal sealed class PriceChange(LedgerStore store, LedgerOptions options, TimeProvider clock, IEnumerable<IPriceGuard> guards)
{
    /// <summary>Throws <see cref="RuleBrokenException"/> with every fault; nothing has changed then.</summary>
    /// <param name="force">Takes a start or an end in the past, and selectors that match nothing yet.</param>
    public Task PutAsync(string book, int number, PriceVersion version, bool force, ClaimsPrincipal who, CancellationToken cancel) =>
        store.WriteAsync(transaction => PutAsync(transaction, book, number, version, [], force, who, cancel), cancel);

    /// <summary>The same within a transaction.</summary>
    /// <param name="beside">Versions that are put in the same transaction: what is stored for their numbers is not looked at, and it is held against those before it.</param>
    internal async Task PutAsync(LedgerTransaction transaction, string book, int number, PriceVersion version, IReadOnlyList<(int Number, PriceVersion Version)> beside, bool force, ClaimsPrincipal who, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var stored = await transaction.Context.Set<StoredPriceVersion>().Where(row => row.Book == book).ToListAsync(cancel);
        var known = stored.Find(row => row.Version == number);
        var grain = await LedgerGrain.RefineAsync(transaction, options, new[] { version.ValidFrom, version.ValidTo }.OfType<DateTimeOffset>().Select(at => at.ToUnixTimeSeconds()), 3600, now);
        var faults = PriceRules.Check(version, grain, stored.Where(row => row.Version != number && beside.All(one => one.Number != row.Version)).Select(row => (row.Version, row.Read())).Concat(beside.TakeWhile(one => one.Number != number)));
        if (!version.Prices.Any(price => price?.Tiers is { } tiers ? tiers.Any(tier => tier is null) : price is null))
        {
            faults.AddRange(TimeFaults(known?.Read(), version, stored.Count > 0, force, now));
            if (!force) faults.AddRange(await IdleAsync(transaction, version, cancel));
        }

        RuleBrokenException.ThrowIfAny(faults);

        var json = JsonSerializer.Serialize(version, LedgerJson.Options);
        if (known?.Json == json) return;
        var past = known is null && version.FromSeconds < now.ToUnixTimeSeconds();
        await AuditTrail.AddAsync(transaction, now, who, "price-version." + (force ? "forced" : past ? "past" : "put"), $"{book}/{number}", known?.Json, json);
        if (known is null) transaction.Context.Add(known = new StoredPriceVersion { Book = book, Version = number });
        known.Json = json;
        await transaction.Context.SaveChangesAsync(cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
        await GuardAsync(transaction, guards, now);
    }

    /// <summary>Throws <see cref="RuleBrokenException"/> when a later stage can not do with what the transaction has written.</summary>
    public static async Task GuardAsync(LedgerTransaction transaction, IEnumerable<IPriceGuard> guards, DateTimeOffset now)
    {
        var prices = await PriceCatalogue.LoadAsync(transaction.Context, CancellationToken.None);
        var faults = new List<Fault>();
        foreach (var guard in guards) faults.AddRange(await guard.CheckAsync(transaction, prices, now));
        RuleBrokenException.ThrowIfAny(faults);
    }

    // What has been charged stays charged: a started version keeps its prices, and time that has passed is only priced anew when told so. The first version of a book may start in the past:
    // nothing has been priced by it.
    private static IEnumerable<Fault> TimeFaults(PriceVersion? known, PriceVersion version, bool isBook, bool force, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();
        if (known is not null && known.FromSeconds <= seconds)
        {
            if (version.FromSeconds != known.FromSeconds) yield return new Fault("validFrom", $"can not change: this version has started at {known.ValidFrom?.ToString("O") ?? "the beginning"}; end it and make a new version.");
            if (!JsonSame(known with { ValidTo = null, ValidFrom = null }, version with { ValidTo = null, ValidFrom = null })) yield return new Fault("prices", "can not change: this version has started; end it with validTo and make a new version.");
            if (version.ToSeconds != known.ToSeconds && Math.Min(version.ToSeconds, known.ToSeconds) < seconds && !force)
                yield return new Fault("validTo", $"moves an end in the past, so usage that is priced would be priced anew; repeat it with force=true if that is meant.");
        }
        else if (version.FromSeconds < seconds && isBook && !force)
        {
            yield return new Fault("validFrom", $"lies in the past, so usage that is priced would be priced anew; repeat it with force=true if that is meant.");
        }
    }

    private static bool JsonSame(PriceVersion a, PriceVersion b) => Canonical(a) == Canonical(b);

    // 1.0 and 1.00 are the same price.
    private static string Canonical(PriceVersion version) => JsonSerializer.Serialize(version with
    {
        Prices = [.. version.Prices.Select(price => price with
        {
            Amount = price.Amount / 1.0000000000000000000000000000m,
            PackageSize = price.PackageSize / 1.0000000000000000000000000000m,
            Tiers = price.Tiers?.Select(tier => new Tier(tier.UpTo / 1.0000000000000000000000000000m, tier.Price / 1.0000000000000000000000000000m)).ToArray(),
        })],
    }, LedgerJson.Options);

    /// <summary>Selectors that match no workload that the ledger knows; none when it knows none yet.</summary>
    internal static async Task<List<Fault>> IdleAsync(LedgerTransaction transaction, PriceVersion version, CancellationToken cancel)
    {
        var faults = new List<Fault>();
        if (version.Prices.All(price => price.Selector is null or { IsEmpty: true })) return faults;
        var workloads = await TraitsReader.LatestAsync(transaction.Connection, cancel);
        if (workloads.Count == 0) return faults;
        for (var i = 0; i < version.Prices.Count; i++)
        {
            if (version.Prices[i].Selector is { IsEmpty: false } selector && !workloads.Values.Any(selector.Matches))
                faults.Add(new Fault($"prices[{i}].selector", $"matches nothing: no workload that is known has {selector}; repeat it with force=true if it is for later."));
        }

        return faults;
    }
}
