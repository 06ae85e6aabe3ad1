using Metering.Meters;

namespace Metering.Agent.Accounting;

/// <summary>A meter that is kept by <see cref="SlowState"/>: which fact feeds it, and what the figure of a cgroup means.</summary>
/// <param name="Meter">What it is billed as.</param>
/// <param name="Fact">Where it is read; null for those that are fed otherwise (throttling with cpu.stat, lifetime by the clock, network by namespace).</param>
/// <param name="Level">Index of the level that is integrated; −1 for a counter.</param>
/// <param name="Conserved">
/// A parent's figure holds its children's, so each cgroup publishes what none below it claims (the claim rule) and the sum over cgroups is the parent's figure.
/// Otherwise the figure is the cgroup's own and says nothing about those below it.
/// </param>
internal sealed record SlowMeter(Meter Meter, Fact? Fact, int Level, bool Conserved)
{
    public const int Throttled = 0, Swap = 1, HugePages = 2, OomKills = 3, CpuPressure = 4, MemoryPressure = 5, IoPressure = 6, Frozen = 7, CpuReserved = 8, MemoryReserved = 9, Lifetime = 10,
        NetworkReceive = 11, NetworkTransmit = 12;

    /// <summary>Indices of levels: the meter's, and the one that v1's frozen state is integrated from.</summary>
    public const int SwapLevel = 0, HugePagesLevel = 1, CpuReservedLevel = 2, MemoryReservedLevel = 3, FrozenLevel = 4, Levels = 5;

    /// <summary>By the indices above; the journal stores them in this order.</summary>
    public static readonly SlowMeter[] All =
    [
        new(MeterCatalogue.CpuThrottled, null, -1, Conserved: false),
        new(MeterCatalogue.Swap, Accounting.Fact.Swap, SwapLevel, Conserved: true),
        new(MeterCatalogue.HugePages, Accounting.Fact.HugePages, HugePagesLevel, Conserved: true),
        new(MeterCatalogue.OomKills, Accounting.Fact.OomKills, -1, Conserved: true),
        new(MeterCatalogue.CpuPressure, Accounting.Fact.CpuPressure, -1, Conserved: false),
        new(MeterCatalogue.MemoryPressure, Accounting.Fact.MemoryPressure, -1, Conserved: false),
        new(MeterCatalogue.IoPressure, Accounting.Fact.IoPressure, -1, Conserved: false),
        new(MeterCatalogue.Frozen, Accounting.Fact.Frozen, -1, Conserved: false),
        new(MeterCatalogue.CpuReserved, null, CpuReservedLevel, Conserved: false),
        new(MeterCatalogue.MemoryReserved, null, MemoryReservedLevel, Conserved: false),
        new(MeterCatalogue.Lifetime, null, -1, Conserved: false),
        new(MeterCatalogue.NetworkReceive, null, -1, Conserved: false),
        new(MeterCatalogue.NetworkTransmit, null, -1, Conserved: false),
    ];
}
