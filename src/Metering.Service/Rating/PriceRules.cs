using System.Globalization;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Rating;

/// <summary>Checks a price version; every fault is listed at once.</summary>
internal static class PriceRules
{
    public const int MaxPrices = 1_000;
    private const int MaxTiers = 100;
    private const int MaxPlaces = 10;
    private const int QuantityPlaces = 9;
    private const decimal MaxPrice = 900_000_000m;
    private const decimal MaxQuantity = 1e18m;

    public static List<Fault> Check(PriceVersion version, LedgerGrain grain, IEnumerable<(int Number, PriceVersion Version)> others)
    {
        var faults = new List<Fault>();
        for (var i = 0; i < version.Prices.Count; i++)
        {
            if (version.Prices[i] is null) faults.Add(new($"prices[{i}]", "is empty."));
            else if (version.Prices[i].Tiers?.Any(tier => tier is null) == true) faults.Add(new($"prices[{i}].tiers", "has an entry that is empty."));
        }

        if (faults.Count > 0) return faults;
        if (Currency.Fault(version.Currency) is { } currency) faults.Add(new("currency", currency));
        if (version.ToSeconds <= version.FromSeconds) faults.Add(new("validTo", "is not after validFrom."));
        grain.Check("validFrom", version.ValidFrom, faults);
        grain.Check("validTo", version.ValidTo, faults);
        foreach (var (number, other) in others)
        {
            if (version.FromSeconds >= other.ToSeconds || other.FromSeconds >= version.ToSeconds) continue;
            faults.Add(new("validFrom", $"overlaps version {number}, valid at the same time ({other.ValidFrom?.ToString("O") ?? "the beginning"} to {other.ValidTo?.ToString("O") ?? "further notice"}); end that one first."));
        }

        if (version.Prices.Count is 0 or > MaxPrices) faults.Add(new("prices", $"has {version.Prices.Count} entries; it has 1 to {MaxPrices}."));
        for (var i = 0; i < Math.Min(version.Prices.Count, MaxPrices); i++)
        {
            CheckPrice(version.Prices[i], $"prices[{i}]", faults);
            for (var before = 0; before < i; before++) CheckReached(version.Prices[before], before, version.Prices[i], $"prices[{i}]", faults);
        }

        return faults;
    }

    // The first that matches holds, so what an earlier one covers is never reached.
    private static void CheckReached(Price earlier, int before, Price price, string at, List<Fault> faults)
    {
        if (Group(earlier) != Group(price) || !(earlier.Selector ?? new PriceSelector()).Covers(price.Selector)) return;
        faults.Add((price.Selector ?? new PriceSelector()).IsEmpty && (earlier.Selector ?? new PriceSelector()).IsEmpty
            ? new(price.Meter.Length == 0 ? at + ".unit" : at + ".meter", $"'{Group(price)}' is priced twice; prices[{before}] prices it for all workloads.")
            : new(at + ".selector", $"matches nothing: prices[{before}] comes first and matches all that this one does."));
    }

    private static string Group(Price price) => price.ModelOrNull == PriceModel.Flat ? price.Unit : MeterCatalogue.TryFind(price.Meter, out var meter) ? meter.Name : price.Meter;

    private static void CheckPrice(Price price, string at, List<Fault> faults)
    {
        if (price.ModelOrNull is not { } model) faults.Add(new(at + ".model", $"'{price.Model}' is unknown; it is per-unit, graduated, volume, package or flat."));
        else if (model == PriceModel.Flat) CheckFlat(price, at, faults);
        else CheckMeter(price, at, faults);
        CheckSelector(price, at, faults);
        if (price.ModelOrNull == PriceModel.Package)
        {
            if (price.PackageSize is not { } size) faults.Add(new(at + ".packageSize", "is missing: the units in a block."));
            else if (size <= 0 || size > MaxQuantity || HasMore(size, QuantityPlaces)) faults.Add(new(at + ".packageSize", $"{Text(size)} is out of range; it is more than 0, with at most {QuantityPlaces} decimal places."));
        }
        else if (price.PackageSize is not null)
        {
            faults.Add(new(at + ".packageSize", "is only for the model package."));
        }

        if (price.Amount is { } amount && price.Tiers is not null) faults.Add(new(at + ".tiers", "and price are both given; give one of them."));
        else if (price.Tiers is { } tiers) CheckTiers(price, tiers, at, faults);
        else if (price.Amount is null) faults.Add(new(at + ".price", price.ModelOrNull is PriceModel.Graduated or PriceModel.Volume ? "is missing, and so are tiers." : "is missing."));
        else CheckAmount(price.Amount.Value, at + ".price", faults);
    }

    private static void CheckFlat(Price price, string at, List<Fault> faults)
    {
        if (price.Meter.Length > 0) faults.Add(new(at + ".meter", "is for a flat price left out: it does not depend on use."));
        if (PricingUnit.Flat.All(unit => unit.Name != price.Unit)) faults.Add(new(at + ".unit", $"'{price.Unit}' is none of a flat price; it is {string.Join(", ", PricingUnit.Flat.Select(unit => unit.Name))}."));
        if (price.Basis is not null) faults.Add(new(at + ".basis", "is for a flat price left out: it does not depend on use."));
        if (price.Unit == PricingUnit.Months.Name && price.Selector is { IsEmpty: false }) faults.Add(new(at + ".selector", "is for Months left out: it is a price for the tenant, not for a workload."));
    }

    private static void CheckMeter(Price price, string at, List<Fault> faults)
    {
        if (!MeterCatalogue.TryFind(price.Meter, out var meter))
        {
            faults.Add(new(at + ".meter", price.Meter.Length == 0 ? $"is missing; meters are {MeterCatalogue.Names}." : $"'{price.Meter}' is unknown; meters are {MeterCatalogue.Names}."));
        }
        else
        {
            if (meter.Kind == MeterKind.Peak) faults.Add(new(at + ".meter", $"'{price.Meter}' is a peak, which does not add up; it can not be priced."));
            if (PricingUnit.For(meter).All(unit => unit.Name != price.Unit)) faults.Add(new(at + ".unit", $"'{price.Unit}' is none of {price.Meter}; it is {string.Join(", ", PricingUnit.For(meter).Select(unit => unit.Name))}."));
            if (price.BasisOrNull is PriceBasis.Reservation or PriceBasis.Larger && PriceLine.ReservedOf(meter) is null)
                faults.Add(new(at + ".basis", $"'{price.Basis}' needs a reservation, which {price.Meter} has none of; {MeterCatalogue.Cpu.Name} and {MeterCatalogue.Memory.Name} have."));
        }

        if (price.BasisOrNull is null) faults.Add(new(at + ".basis", $"'{price.Basis}' is unknown; it is usage, reservation or max(usage, reservation)."));
    }

    private static void CheckSelector(Price price, string at, List<Fault> faults)
    {
        foreach (var (name, pattern) in price.Selector?.Conditions() ?? [])
        {
            if (string.IsNullOrEmpty(pattern) || pattern.Length > 256) faults.Add(new($"{at}.selector.{name.Replace(':', '.')}", "is empty or longer than 256 characters."));
        }
    }

    private static void CheckTiers(Price price, IReadOnlyList<Tier> tiers, string at, List<Fault> faults)
    {
        if (price.ModelOrNull is PriceModel.Package or PriceModel.Flat || (price.ModelOrNull == PriceModel.PerUnit && tiers.Count > 1)) faults.Add(new(at + ".tiers", $"are not for the model {price.Model}; give price, or the model graduated or volume."));
        if (tiers.Count is 0 or > MaxTiers) faults.Add(new(at + ".tiers", $"has {tiers.Count} entries; it has 1 to {MaxTiers}."));
        decimal from = 0;
        for (var i = 0; i < Math.Min(tiers.Count, MaxTiers); i++)
        {
            var place = $"{at}.tiers[{i}]";
            if (tiers[i].Price is { } amount) CheckAmount(amount, place + ".price", faults);
            else faults.Add(new(place + ".price", "is missing."));
            if (tiers[i].UpTo is not { } upTo)
            {
                if (i < tiers.Count - 1) faults.Add(new(place + ".upTo", "is missing: only the last tier is without an end, so the next one overlaps it."));
                continue;
            }

            if (i == tiers.Count - 1) faults.Add(new(place + ".upTo", $"{Text(upTo)} leaves a gap: what is used beyond it has no price; leave it out in the last tier."));
            if (upTo <= from) faults.Add(new(place + ".upTo", i == 0 ? $"{Text(upTo)} is not more than 0." : $"{Text(upTo)} is not more than {Text(from)}, where the tier before ends: the tiers overlap."));
            else if (upTo > MaxQuantity || HasMore(upTo, QuantityPlaces)) faults.Add(new(place + ".upTo", $"{Text(upTo)} is out of range; it is at most 10^18, with at most {QuantityPlaces} decimal places."));
            from = Math.Max(from, upTo);
        }
    }

    internal static void CheckAmount(decimal amount, string at, List<Fault> faults)
    {
        if (amount < 0 || amount > MaxPrice) faults.Add(new(at, $"{Text(amount)} is out of range; it is 0 to {MaxPrice}."));
        else if (HasMore(amount, MaxPlaces)) faults.Add(new(at, $"{Text(amount)} has more than {MaxPlaces} decimal places; take a larger unit."));
    }

    private static bool HasMore(decimal value, int places) => value != Math.Round(value, places);

    private static string Text(decimal value) => value.ToString(CultureInfo.InvariantCulture);
}
