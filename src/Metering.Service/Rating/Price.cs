using System.Text.Json.Serialization;

namespace Metering.Service.Rating;

/// <summary>The price of one meter, or a flat one. Of several prices for a meter in a version, the first whose selector matches the workload holds.</summary>
public sealed record Price
{
    /// <summary>API name of the meter, such as <c>cpuSeconds</c>; left out for <c>flat</c>.</summary>
    public string Meter { get; init => field = value ?? ""; } = "";

    /// <summary>What the amount is for, such as <c>Core-Hours</c>; for <c>flat</c>: <c>Workload-Hours</c>, <c>Workload-Months</c> or <c>Months</c> (of the tenant).</summary>
    public string Unit { get; init => field = value ?? ""; } = "";

    /// <summary><c>per-unit</c> (default), <c>graduated</c>, <c>volume</c>, <c>package</c>, <c>flat</c>. Left out beside tiers: <c>graduated</c>.</summary>
    public string? Model { get; init; }

    /// <summary>Amount per unit, or per block of a package; at most 10 decimal places.</summary>
    [JsonPropertyName("price")]
    public decimal? Amount { get; init; }

    /// <summary>Ascending, the last one without an end.</summary>
    public IReadOnlyList<Tier>? Tiers { get; init; }

    /// <summary>Units in a block of a <c>package</c>.</summary>
    public decimal? PackageSize { get; init; }

    /// <summary><c>usage</c> (default), <c>reservation</c>, <c>max(usage, reservation)</c>.</summary>
    public string? Basis { get; init; }

    public PriceSelector? Selector { get; init; }

    internal PriceModel? ModelOrNull => Model switch
    {
        null => Tiers is { Count: > 1 } ? PriceModel.Graduated : PriceModel.PerUnit,
        "per-unit" or "perUnit" => PriceModel.PerUnit,
        "graduated" => PriceModel.Graduated,
        "volume" => PriceModel.Volume,
        "package" => PriceModel.Package,
        "flat" => PriceModel.Flat,
        _ => null,
    };

    internal PriceBasis? BasisOrNull => Basis?.Replace(" ", "", StringComparison.Ordinal) switch
    {
        null or "usage" => PriceBasis.Usage,
        "reservation" => PriceBasis.Reservation,
        "max(usage,reservation)" => PriceBasis.Larger,
        _ => null,
    };
}
