using Metering.Service.Rating;

namespace Metering.Service.Allocation;

/// <summary>What a host costs.</summary>
public sealed record HostRate
{
    /// <summary>Which hosts: <c>host</c>, <c>hostClass</c>, <c>region</c> or <c>hostLabel</c>; left out: all.</summary>
    public PriceSelector? Match { get; init; }

    /// <summary>In the version's currency, with at most 9 decimal places.</summary>
    public decimal PerHour { get; init; }

    /// <summary>The part of it that is for CPU time, 0 to 1; the rest is for memory. Left out: 0.5.</summary>
    public decimal? CpuShare { get; init; }

    /// <summary>What the host has; left out: what is used of it has all of the cost, and nothing is idle while anything is used.</summary>
    public decimal? Cores { get; init; }

    public long? MemoryBytes { get; init; }
}
