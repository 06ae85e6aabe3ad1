using Metering.Meters;

namespace Metering.Service.Rating;

/// <summary>A unit that prices are given in, for meters of one dimension.</summary>
/// <param name="BaseUnits">How many of the meter's base units one of it is; 0: as many as the period has seconds.</param>
internal sealed record PricingUnit(string Name, long BaseUnits)
{
    private const long Hour = 3_600_000_000;

    private static readonly PricingUnit[] Time = [new("Core-Hours", Hour), new("Core-Seconds", 1_000_000), new("Hours", Hour), new("Seconds", 1_000_000)];
    private static readonly PricingUnit[] Bytes =
        [new("Bytes", 1), new("KB", 1_000), new("MB", 1_000_000), new("GB", 1_000_000_000), new("TB", 1_000_000_000_000), new("KiB", 1L << 10), new("MiB", 1L << 20), new("GiB", 1L << 30), new("TiB", 1L << 40)];
    private static readonly PricingUnit[] ByteTime =
        [new("Byte-Seconds", 1), new("MB-Hours", 3600L * 1_000_000), new("GB-Hours", 3600L * 1_000_000_000), new("MiB-Hours", 3600L << 20), new("GiB-Hours", 3600L << 30), new("TiB-Hours", 3600L << 40),
         new("GB-Months", 3600L * 1_000_000_000 * 730)];
    private static readonly PricingUnit[] Counts = [new("Operations", 1), new("Thousand-Operations", 1_000), new("Million-Operations", 1_000_000), new("Events", 1), new("Tasks", 1)];

    /// <summary>A workload that is there for an hour, at bucket grain.</summary>
    public static readonly PricingUnit WorkloadHours = new("Workload-Hours", 3600);

    /// <summary>A workload that is there for all of the period.</summary>
    public static readonly PricingUnit WorkloadMonths = new("Workload-Months", 0);

    /// <summary>The tenant's period, whatever runs.</summary>
    public static readonly PricingUnit Months = new("Months", 0);

    /// <summary>The units of flat prices; their base unit is the second.</summary>
    public static readonly IReadOnlyList<PricingUnit> Flat = [WorkloadHours, WorkloadMonths, Months];

    /// <summary>The units that a meter can be priced in.</summary>
    public static IReadOnlyList<PricingUnit> For(Meter meter) => meter.Unit switch
    {
        "seconds" => Time,
        "bytes" => Bytes,
        "byte-seconds" => ByteTime,
        _ => Counts,
    };
}
