using System.Globalization;
using System.Runtime.CompilerServices;
using Metering.Meters;

namespace Metering.Service.Rating;

/// <summary>A price as rating uses it: integers only. Immutable.</summary>
internal sealed class PriceLine
{
    /// <summary>10⁻¹⁰ of the currency.</summary>
    public const long PriceScale = 10_000_000_000;

    public const long NanoScale = 1_000_000_000;

    /// <summary>What is counted towards one cumulative quantity of a period: meter, unit, basis and selector, whatever version prices it.</summary>
    public required string Sku { get; init; }

    /// <summary><see cref="ChargeKind.Usage"/>, <see cref="ChargeKind.Allocation"/> or <see cref="ChargeKind.ServiceCredit"/>.</summary>
    public ChargeKind Kind { get; init; } = ChargeKind.Usage;

    /// <summary>Null for flat prices.</summary>
    public required Meter? Meter { get; init; }

    /// <summary>The other term of <see cref="PriceBasis"/>; null where there is none.</summary>
    public required Meter? Reserved { get; init; }

    public required PricingUnit Unit { get; init; }

    public required PriceModel Model { get; init; }

    public required PriceBasis Basis { get; init; }

    public required PriceSelector? Selector { get; init; }

    /// <summary>Prices per tier in 10⁻¹⁰ of the currency; one without tiers.</summary>
    public required long[] Prices { get; init; }

    /// <summary>Upper bounds of the tiers in 10⁻⁹ units, the last one without end.</summary>
    public required Int128[] Bounds { get; init; }

    /// <summary>Block of a package in 10⁻⁹ units; 0 otherwise.</summary>
    public required Int128 Block { get; init; }

    public required string Currency { get; init; }

    public required string Book { get; init; }

    public required int Version { get; init; }

    /// <summary>The name of its column in a cost report.</summary>
    public string Name => Meter is { } meter ? meter.Name : Unit == PricingUnit.WorkloadHours ? "workloadHours" : Unit == PricingUnit.WorkloadMonths ? "workloadMonths" : "months";

    /// <summary>What the quantities of its charges are counted in: the unit, or a package's block.</summary>
    public string ChargeUnit => Block == 0 ? Unit.Name : (Block % NanoScale == 0 ? (Block / NanoScale).ToString(CultureInfo.InvariantCulture) : ((decimal)Block / NanoScale).ToString(CultureInfo.InvariantCulture)) + " " + Unit.Name;

    public decimal PriceOf(int tier) => (decimal)Prices[tier] / PriceScale;

    /// <summary>Where the tier begins, in units.</summary>
    public decimal TierFrom(int tier) => tier == 0 ? 0 : (decimal)Bounds[tier - 1] / NanoScale;

    /// <summary>Where the tier ends, in units; null: nowhere.</summary>
    public decimal? TierTo(int tier) => Bounds[tier] == Int128.MaxValue ? null : (decimal)Bounds[tier] / NanoScale;

    /// <summary>True when the cost of a quantity does not depend on what was used before it.</summary>
    public bool IsLinear => Model is PriceModel.PerUnit or PriceModel.Flat || (Model != PriceModel.Package && Prices.Length == 1);

    /// <summary>Selects the priced quantity of a row, in base units; false when it is unknown, which is not zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryBase(ReadOnlySpan<long> values, int known, long bucketSeconds, out long quantity)
    {
        if (Meter is not { } meter)
        {
            quantity = bucketSeconds;
            return true;
        }

        var hasUsage = (known & (1 << meter.Index)) != 0;
        quantity = hasUsage ? values[meter.Index] : 0;
        if (Reserved is not { } reserved || Basis == PriceBasis.Usage) return hasUsage;
        var hasReservation = (known & (1 << reserved.Index)) != 0;
        var reservation = hasReservation ? values[reserved.Index] : 0;
        if (Basis == PriceBasis.Reservation)
        {
            quantity = reservation;
            return hasReservation;
        }

        quantity = Math.Max(quantity, reservation);
        return hasUsage || hasReservation;
    }

    /// <summary>Compiles a price that <see cref="PriceRules"/> found right.</summary>
    public static PriceLine From(Price price, string book, int version, string currency)
    {
        var model = price.ModelOrNull!.Value;
        var flat = model == PriceModel.Flat;
        Meter? meter = null;
        if (!flat) MeterCatalogue.TryFind(price.Meter, out meter!);
        var unit = (flat ? PricingUnit.Flat : PricingUnit.For(meter!)).First(known => known.Name == price.Unit);
        var basis = price.BasisOrNull!.Value;
        var tiers = model is PriceModel.Package or PriceModel.Flat || price.Tiers is null ? [new Tier(null, price.Amount ?? price.Tiers![0].Price)] : price.Tiers;
        var selector = price.Selector is { IsEmpty: false } given ? given : null;
        return new PriceLine
        {
            Sku = (meter is null ? unit.Name : $"{meter.Name} in {unit.Name}") + (basis switch { PriceBasis.Reservation => " by reservation", PriceBasis.Larger => " by max(usage, reservation)", _ => "" }) +
                (selector is null ? "" : $" of {selector}"),
            Meter = meter,
            Reserved = basis == PriceBasis.Usage ? null : ReservedOf(meter!),
            Unit = unit,
            Model = model,
            Basis = basis,
            Selector = selector,
            Prices = [.. tiers.Select(tier => (long)(tier.Price!.Value * PriceScale))],
            Bounds = [.. tiers.Select(tier => tier.UpTo is { } upTo ? (Int128)(upTo * NanoScale) : Int128.MaxValue)],
            Block = model == PriceModel.Package ? (Int128)(price.PackageSize!.Value * NanoScale) : 0,
            Currency = currency,
            Book = book,
            Version = version,
        };
    }

    /// <summary>The meter of what was reserved; null where nothing can be.</summary>
    public static Meter? ReservedOf(Meter meter) => meter == MeterCatalogue.Cpu ? MeterCatalogue.CpuReserved : meter == MeterCatalogue.Memory ? MeterCatalogue.MemoryReserved : null;
}
