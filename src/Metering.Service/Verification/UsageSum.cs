using Metering.Meters;

namespace Metering.Service.Verification;

/// <summary>What the batches bill to one workload in one bucket.</summary>
internal sealed class UsageSum
{
    public readonly long[] Values = new long[MeterCatalogue.All.Count];

    /// <summary>Bit per meter: some batch knows it.</summary>
    public int Known;

    public long Estimated;
}
