using System.Globalization;
using Metering.Meters;

namespace Metering.Service.Rating;

/// <summary>
/// What a tenant gets back for CPU that it had reserved and waited for. In each bucket (an hour) in which a workload with reserved CPU was throttled or waited for at least <see cref="Threshold"/> percent
/// of its time, what it had reserved for the time that it waited is credited, as far as it did not get it. Whoever uses all that it has reserved is stopped by its own limit, and gets nothing.
/// </summary>
public sealed record ServiceCredit
{
    /// <summary>Stands where a price book would.</summary>
    internal const string Book = "__contract__";

    private const string SkuStart = "Service credit: reserved CPU not given, waited ", SkuEnd = " % or more";

    /// <summary>Percent of a workload's time in the bucket, more than 0 to 100, with at most 6 decimal places.</summary>
    public decimal? Threshold { get; init; }

    /// <summary>What is credited for a Core-Hour, in the tenant's currency, more than 0 with at most 10 decimal places.</summary>
    public decimal? PerCoreHour { get; init; }

    /// <summary>What a bucket of a workload is credited, in CPU microseconds; 0: it did not wait so long, got what it had reserved, or it is not known what it got.</summary>
    /// <param name="time">The bucket's length, microseconds.</param>
    internal static long Credited(decimal threshold, ReadOnlySpan<long> values, int known, long time)
    {
        if (CpuWait.Of(values, known, time) is not { } wait || !wait.Reaches(threshold) || CpuWait.Value(MeterCatalogue.Cpu, values, known) is not { } used) return 0;
        var reserved = values[MeterCatalogue.CpuReserved.Index];
        return Math.Max(0, (long)Int128.Min(reserved - used, (Int128)reserved * wait.Waited / wait.There));
    }

    /// <summary>The price that its charges are made by. Charges have it as a negative quantity: prices are never negative.</summary>
    internal PriceLine Line(string currency) => new()
    {
        Sku = SkuStart + Threshold!.Value.ToString("0.######", CultureInfo.InvariantCulture) + SkuEnd, Kind = ChargeKind.ServiceCredit, Meter = null, Reserved = null, Unit = new PricingUnit("Core-Hours", 3_600_000_000),
        Model = PriceModel.PerUnit, Basis = PriceBasis.Usage, Selector = null, Prices = [(long)(PerCoreHour!.Value * PriceLine.PriceScale)], Bounds = [Int128.MaxValue], Block = 0, Currency = currency, Book = Book, Version = 1,
    };

    /// <summary>The threshold that a charge was made by, whatever the contract says since; null: it is no service credit.</summary>
    internal static decimal? ThresholdOf(string book, string sku) => book == Book && sku.StartsWith(SkuStart, StringComparison.Ordinal) && sku.EndsWith(SkuEnd, StringComparison.Ordinal)
        ? decimal.Parse(sku.AsSpan()[SkuStart.Length..^SkuEnd.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) : null;
}
