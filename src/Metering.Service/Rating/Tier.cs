namespace Metering.Service.Rating;

/// <summary>A price up to a quantity of the period, which is included; null: without an end.</summary>
public sealed record Tier(decimal? UpTo, decimal? Price);
