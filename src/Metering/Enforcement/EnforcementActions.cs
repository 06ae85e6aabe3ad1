namespace Metering.Enforcement;

/// <summary>The actions by the names of their interface files.</summary>
public static class EnforcementActions
{
    public static readonly IReadOnlyDictionary<string, EnforcementAction> ByName = new Dictionary<string, EnforcementAction>(StringComparer.Ordinal)
    {
        ["cpu.max"] = EnforcementAction.CpuMax,
        ["memory.high"] = EnforcementAction.MemoryHigh,
        ["io.max"] = EnforcementAction.IoMax,
        ["cgroup.freeze"] = EnforcementAction.CgroupFreeze,
    };

    public static string File(this EnforcementAction action) => action switch
    {
        EnforcementAction.CpuMax => "cpu.max",
        EnforcementAction.MemoryHigh => "memory.high",
        EnforcementAction.IoMax => "io.max",
        EnforcementAction.CgroupFreeze => "cgroup.freeze",
        _ => throw new ArgumentOutOfRangeException(nameof(action), action, null),
    };
}
