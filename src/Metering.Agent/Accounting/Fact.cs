namespace Metering.Agent.Accounting;

/// <summary>What one slow reading of a cgroup can tell: one value per file. A set of them is a bit mask, see <see cref="Facts"/>.</summary>
internal enum Fact
{
    /// <summary>Bytes swapped out, <c>memory.swap.current</c>.</summary>
    Swap,

    /// <summary>Bytes of huge pages over all sizes, <c>hugetlb.*.current</c>.</summary>
    HugePages,

    /// <summary><c>memory.events</c> oom_kill.</summary>
    OomKills,

    /// <summary>Bytes, <c>memory.peak</c>.</summary>
    MemoryPeak,

    /// <summary>Microseconds, <c>*.pressure</c> some total.</summary>
    CpuPressure,
    MemoryPressure,
    IoPressure,

    /// <summary>Microseconds, <c>cgroup.stat.local</c> frozen_usec.</summary>
    Frozen,

    /// <summary>A million while the cgroup is frozen, else 0: v1, and v2 before Linux 6.18, count no frozen time, so the state is integrated.</summary>
    FrozenNow,

    /// <summary>Millionths of a processor, <c>cpu.max</c>.</summary>
    CpuLimit,

    /// <summary>Millionths of a processor, <c>cpuset.cpus.effective</c>.</summary>
    Processors,

    /// <summary>Bytes, <c>memory.max</c>.</summary>
    MemoryLimit,

    /// <summary>Bytes, <c>memory.min</c>.</summary>
    MemoryMinimum,

    /// <summary>Microseconds, v1 <c>cpu.stat</c> throttled_time; v2 has it in the same file as CPU time.</summary>
    Throttled,
}
