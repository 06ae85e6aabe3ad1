namespace Metering.Service.Rating;

/// <summary>The price of one meter.</summary>
public sealed record Price
{
    /// <summary>API name of the meter, such as <c>cpuSeconds</c>.</summary>
    public string Meter { get; init; } = "";

    /// <summary>What the amount is for, such as <c>Core-Hours</c>.</summary>
    public string Unit { get; init; } = "";

    /// <summary><c>per-unit</c>.</summary>
    public string? Model { get; init; }

    /// <summary>Amount per unit, at most 10 decimal places.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("price")]
    public decimal? Amount { get; init; }

    /// <summary>The same as a single tier without an end.</summary>
    public IReadOnlyList<Tier>? Tiers { get; init; }

    /// <summary><c>usage</c>.</summary>
    public string? Basis { get; init; }

    internal decimal PerUnit => Amount ?? Tiers![0].Price;
}
