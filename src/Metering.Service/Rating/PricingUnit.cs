using Metering.Meters;

namespace Metering.Service.Rating;

/// <summary>A unit that prices are given in, for meters of one dimension.</summary>
/// <param name="BaseUnits">How many of the meter's base units one of it is.</param>
internal sealed record PricingUnit(string Name, decimal BaseUnits)
{
    private const decimal HourOfMicroseconds = 3_600_000_000m;

    private static readonly PricingUnit[] Time = [new("Core-Hours", HourOfMicroseconds), new("Core-Seconds", 1_000_000m), new("Hours", HourOfMicroseconds), new("Seconds", 1_000_000m)];
    private static readonly PricingUnit[] Bytes =
        [new("Bytes", 1), new("KB", 1e3m), new("MB", 1e6m), new("GB", 1e9m), new("TB", 1e12m), new("KiB", 1024m), new("MiB", 1048576m), new("GiB", 1073741824m), new("TiB", 1099511627776m)];
    private static readonly PricingUnit[] ByteTime =
        [new("Byte-Seconds", 1), new("MB-Hours", 3600e6m), new("GB-Hours", 3600e9m), new("MiB-Hours", 3600m * 1048576m), new("GiB-Hours", 3600m * 1073741824m), new("TiB-Hours", 3600m * 1099511627776m), new("GB-Months", 3600e9m * 730)];
    private static readonly PricingUnit[] Counts = [new("Operations", 1), new("Thousand-Operations", 1e3m), new("Million-Operations", 1e6m), new("Events", 1), new("Tasks", 1)];

    /// <summary>The units that a meter can be priced in.</summary>
    public static IReadOnlyList<PricingUnit> For(Meter meter) => meter.Unit switch
    {
        "seconds" => Time,
        "bytes" => Bytes,
        "byte-seconds" => ByteTime,
        _ => Counts,
    };
}
