namespace Metering.Enforcement;

/// <summary>What may be done to the cgroup of a workload that is over its quota.</summary>
public enum EnforcementAction
{
    /// <summary><c>cpu.max</c>: processor time per time. Values are microseconds of processor time per second.</summary>
    CpuMax,

    /// <summary><c>memory.high</c>: above it the kernel reclaims and slows down; it never kills. Values are bytes.</summary>
    MemoryHigh,

    /// <summary><c>io.max</c>: on every device that the cgroup has used. Values are bytes per second, of reading and of writing each.</summary>
    IoMax,

    /// <summary><c>cgroup.freeze</c>: its tasks stand still. The value is 1.</summary>
    CgroupFreeze,
}
