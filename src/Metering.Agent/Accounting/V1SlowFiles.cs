using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

/// <summary>Slow facts from v1 groups, by the names that v1 has for them (Documentation/admin-guide/cgroup-v1). All of them are best-effort.</summary>
internal sealed class V1SlowFiles(V1Groups groups, double processors)
{
    /// <summary>Controllers whose groups are joined for these facts, besides those of memory, I/O and pids.</summary>
    public static readonly string[] Controllers = ["memory", "cpu", "cpuset", "hugetlb", "freezer"];

    /// <summary>v1 has no word for "no limit" but a number that no machine has.</summary>
    private const ulong NoMemoryLimit = 1UL << 60;

    private readonly string[] _hugePageFiles = [.. V2SlowFiles.HugePageNames().Select(size => $"hugetlb.{size}.usage_in_bytes")];

    /// <summary>Adds what the groups of one controller tell of a cgroup. Counters of several groups are one sum.</summary>
    /// <param name="below">By group of memory: the nearest groups of anybody below it, whose level is within its own.</param>
    public void Read(string controller, List<string> mine, IReadOnlyDictionary<string, List<string>>? below, Facts facts)
    {
        foreach (var group in mine)
        {
            switch (controller)
            {
                case "memory": ReadMemory(group, below?.GetValueOrDefault(group), mine.Count == 1, facts); break;
                case "cpu": ReadCpu(group, facts); break;
                case "cpuset": ReadProcessors(group, facts); break;
                case "hugetlb": ReadHugePages(group, facts); break;
                case "freezer": ReadFreezer(group, facts); break;
            }
        }
    }

    private ulong? Swap(string group) =>
        groups.Number("memory", group, "memory.memsw.usage_in_bytes") is { } both && groups.Number("memory", group, "memory.usage_in_bytes") is { } memory ? (both > memory ? both - memory : 0) : null;

    private void ReadMemory(string group, List<string>? below, bool isAlone, Facts facts)
    {
        if (Swap(group) is { } swap)
        {
            foreach (var other in below ?? []) swap -= Math.Min(swap, Swap(other) ?? 0);
            facts.Add(Fact.Swap, swap, bestEffort: true);
        }

        // Peaks of several groups were not at one time, and that of a group with others below is theirs too: the largest level that was read stands then.
        if (isAlone && below is null && groups.Number("memory", group, "memory.max_usage_in_bytes") is { } peak) facts.Add(Fact.MemoryPeak, peak, bestEffort: true);
        if (groups.Bytes("memory", group, "memory.oom_control") is { } events && SlowParser.TryOomKills(events, out var kills)) facts.Add(Fact.OomKills, kills, bestEffort: true);
        if (groups.Number("memory", group, "memory.limit_in_bytes") is { } limit) Narrow(facts, Fact.MemoryLimit, limit >= NoMemoryLimit ? SlowParser.NoLimit : limit);
    }

    private void ReadCpu(string group, Facts facts)
    {
        if (groups.Bytes("cpu", group, "cpu.stat") is { } stat && StatParser.TryKey(stat, "throttled_time"u8, out var nanoseconds)) facts.Add(Fact.Throttled, nanoseconds / 1000, bestEffort: true);
        if (groups.Number("cpu", group, "cpu.cfs_period_us") is not (> 0 and var period)) return;

        // −1, which is no number of ours, is no limit.
        if (groups.Number("cpu", group, "cpu.cfs_quota_us") is not { } quota) Narrow(facts, Fact.CpuLimit, SlowParser.NoLimit);
        else if (SlowParser.TryShare(quota, period, out var share)) Narrow(facts, Fact.CpuLimit, share);
    }

    private void ReadProcessors(string group, Facts facts)
    {
        if (groups.Bytes("cpuset", group, "cpuset.effective_cpus") is { } list && SlowParser.TryProcessors(list, out var count) && count < (ulong)processors * 1_000_000) Narrow(facts, Fact.Processors, count);
    }

    private void ReadHugePages(string group, Facts facts)
    {
        foreach (var file in _hugePageFiles)
        {
            if (groups.Number("hugetlb", group, file) is { } bytes) facts.Add(Fact.HugePages, bytes, bestEffort: true);
        }
    }

    private void ReadFreezer(string group, Facts facts)
    {
        // THAWED, FREEZING or FROZEN.
        if (groups.Bytes("freezer", group, "freezer.state") is { } state) facts.Set(Fact.FrozenNow, state.AsSpan().StartsWith("FROZEN"u8) ? 1_000_000UL : 0, bestEffort: true);
    }

    private static void Narrow(Facts facts, Fact fact, ulong limit) => facts.Set(fact, facts.Has(fact) ? Math.Min(facts[fact], limit) : limit, bestEffort: true);
}
