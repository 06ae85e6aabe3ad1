using Metering.Meters;

namespace Metering.Service.Rating;

/// <summary>Checks a price version; every fault is listed at once.</summary>
internal static class PriceRules
{
    private const int MaxPlaces = 10;
    private const decimal MaxPrice = 1_000_000_000m;

    public static List<string> Check(PriceVersion version, long grainSeconds, IEnumerable<(int Number, PriceVersion Version)> others)
    {
        var faults = new List<string>();
        if (version.Currency.Length != 3 || !version.Currency.All(char.IsAsciiLetterUpper)) faults.Add($"currency '{version.Currency}' is no ISO 4217 code such as EUR.");
        if (version.ToSeconds <= version.FromSeconds) faults.Add("validTo is not after validFrom.");
        CheckBound("validFrom", version.ValidFrom, grainSeconds, faults);
        CheckBound("validTo", version.ValidTo, grainSeconds, faults);
        foreach (var (number, other) in others)
        {
            if (version.FromSeconds < other.ToSeconds && other.FromSeconds < version.ToSeconds)
                faults.Add($"It is valid at the same time as version {number} ({other.ValidFrom:O} to {(other.ValidTo is null ? "further notice" : other.ValidTo.Value.ToString("O"))}); end that one first.");
        }

        if (version.Prices.Count == 0) faults.Add("prices is empty.");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < version.Prices.Count; i++) CheckPrice(version.Prices[i], $"prices[{i}]", seen, faults);
        return faults;
    }

    private static void CheckPrice(Price price, string at, HashSet<string> seen, List<string> faults)
    {
        if (!MeterCatalogue.TryFind(price.Meter, out var meter))
        {
            faults.Add($"{at}.meter '{price.Meter}' is unknown; meters are {MeterCatalogue.Names}.");
        }
        else
        {
            if (!seen.Add(meter.Name)) faults.Add($"{at}.meter '{price.Meter}' is priced twice.");
            if (meter.Kind == MeterKind.Peak) faults.Add($"{at}.meter '{price.Meter}' is a peak, which does not add up; it can not be priced.");
            if (PricingUnit.For(meter).All(unit => unit.Name != price.Unit)) faults.Add($"{at}.unit '{price.Unit}' is none of {price.Meter}; it is {string.Join(", ", PricingUnit.For(meter).Select(unit => unit.Name))}.");
        }

        if (price.Model is not (null or "per-unit" or "perUnit")) faults.Add($"{at}.model '{price.Model}' is unknown; it is per-unit.");
        if (price.Basis is not (null or "usage")) faults.Add($"{at}.basis '{price.Basis}' is unknown; it is usage.");
        if (price.Amount is null && price.Tiers is not [{ UpTo: null }]) faults.Add($"{at} needs a price (or one tier without upTo).");
        else if (price.PerUnit < 0 || price.PerUnit > MaxPrice) faults.Add($"{at}.price {price.PerUnit} is out of range; it is 0 to {MaxPrice}.");
        else if (price.PerUnit != Math.Round(price.PerUnit, MaxPlaces)) faults.Add($"{at}.price {price.PerUnit} has more than {MaxPlaces} decimal places.");
    }

    // A price changes at a bound of buckets, or a bucket would have two prices.
    private static void CheckBound(string name, DateTimeOffset? at, long grainSeconds, List<string> faults)
    {
        if (at is not { } instant || (instant.ToUnixTimeSeconds() % grainSeconds == 0 && instant.Ticks % TimeSpan.TicksPerSecond == 0)) return;
        var before = instant.ToUnixTimeSeconds() / grainSeconds * grainSeconds;
        faults.Add($"{name} {instant:O} lies within a bucket; the nearest bounds are {DateTimeOffset.FromUnixTimeSeconds(before):O} and {DateTimeOffset.FromUnixTimeSeconds(before + grainSeconds):O}.");
    }
}
