namespace Metering.Service.Allocation;

/// <summary>Why a share is there. What is split is a pair of rows: the minus row where it was, the plus rows where it goes.</summary>
internal enum AllocationPart
{
    /// <summary>CPU time of a host, by use.</summary>
    Cpu,

    /// <summary>Memory of a host, by use.</summary>
    Memory,

    /// <summary>What nobody used; negative where more is reserved than the host has.</summary>
    Idle,
    Overhead,
    Shared,
    IdleDistributed,
    OverheadDistributed,
    SharedDistributed,
}
