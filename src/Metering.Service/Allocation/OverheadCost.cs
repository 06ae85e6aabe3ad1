namespace Metering.Service.Allocation;

/// <summary>A cost of no host.</summary>
public sealed record OverheadCost
{
    public string Name { get; init => field = value ?? ""; } = "";

    /// <summary>In the version's currency, with at most 9 decimal places.</summary>
    public decimal PerHour { get; init; }
}
