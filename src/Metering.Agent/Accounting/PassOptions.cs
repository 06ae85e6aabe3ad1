using Metering.Safety;

namespace Metering.Agent.Accounting;

/// <summary>What a pass reads and by which rules.</summary>
/// <param name="Prune">Skip what the parent's own counters prove unchanged; off for benchmarks and <c>doctor --passes</c>.</param>
/// <param name="Memory">Read memory; the family switches are for <c>doctor --meters</c>, production reads all.</param>
/// <param name="Slow">Read the files of the slow cadence: swap, pressure, limits and the like.</param>
/// <param name="SlowEvery">Passes from one reading of the slow files to the next, at least 1: once a minute at the default interval.</param>
/// <param name="MaxWorkloadsPerParent">Names per parent and bucket; what is beyond is billed to the parent, exactly.</param>
/// <param name="WatchedLeaves">Cgroups whose emptying is watched for; each costs about 1 KiB of kernel memory.</param>
/// <param name="KeptDescriptors">How many descriptors besides cpu.stat stay open; the rest is opened for each reading.</param>
/// <param name="KeptCpuDescriptors">How many of cpu.stat stay open.</param>
internal sealed record PassOptions(
    bool Prune = true, bool Memory = true, bool Io = true, bool Pids = true, bool Slow = true, int SlowEvery = 6, int KeptDescriptors = 4096, int MaxWorkloadsPerParent = 10_000, int WatchedLeaves = 8192, int KeptCpuDescriptors = int.MaxValue, SafetyRule Rules = SafetyRule.All)
{
    public bool Has(SafetyRule rule) => (Rules & rule) != 0;
}
