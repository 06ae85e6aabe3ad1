using Metering.Meters;

namespace Metering.Service.Allocation;

/// <summary>What charges by allocation are called.</summary>
internal static class AllocationSku
{
    /// <summary>Stands where a price book would.</summary>
    public const string Book = "__hosts__";

    public static string Of(AllocationPart part) => part switch
    {
        AllocationPart.Cpu => "Host cost by cpuSeconds",
        AllocationPart.Memory => "Host cost by memoryByteSeconds",
        AllocationPart.Idle => "Idle host cost",
        AllocationPart.Overhead => "Overhead",
        AllocationPart.Shared => "Shared cost",
        AllocationPart.IdleDistributed => "Idle host cost, distributed",
        AllocationPart.OverheadDistributed => "Overhead, distributed",
        _ => "Shared cost, distributed",
    };

    /// <summary>The meter that a share by use was counted by; null for the other parts.</summary>
    public static Meter? MeterOf(string sku) => sku == Of(AllocationPart.Cpu) ? MeterCatalogue.Cpu : sku == Of(AllocationPart.Memory) ? MeterCatalogue.Memory : null;
}
