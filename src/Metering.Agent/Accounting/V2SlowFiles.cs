using System.Text;
using Metering.Agent.Cgroups;
using Metering.Meters;

namespace Metering.Agent.Accounting;

/// <summary>
/// The slow files of a cgroup's own v2 directory. The directory is opened once and each file below it read and closed again: kept open, they would cost 6 KiB of kernel memory each.
/// </summary>
internal sealed class V2SlowFiles
{
    private readonly ICgroupTree _tree;
    private readonly PassCounters _counters;
    private readonly Entry[] _entries;
    private readonly ulong _hostProcessors;
    private readonly byte[] _buffer = new byte[8192];

    /// <param name="sizes">Directories of the sizes of huge pages that the kernel has, <c>hugepages-2048kB</c>.</param>
    /// <param name="cgroupMountOptions">Options of the cgroup2 mount (cgroup-v2.rst, mounting).</param>
    /// <param name="processors">Of the host: a cpuset of all of them reserves nothing.</param>
    public V2SlowFiles(ICgroupTree tree, PassCounters counters, double processors, IEnumerable<string>? sizes = null, IReadOnlySet<string>? cgroupMountOptions = null)
    {
        (_tree, _counters, _hostProcessors) = (tree, counters, (ulong)processors * 1_000_000);
        HugePagesAreMemory = cgroupMountOptions?.Contains("memory_hugetlb_accounting") == true;
        EventsAreLocal = cgroupMountOptions?.Contains("memory_localevents") == true;
        _entries = [.. Files(), .. HugePagesAreMemory ? [] : HugePageNames(sizes).Select(name => Entry.Of($"hugetlb.{name}.current", Fact.HugePages, "hugetlb", SlowParser.TryNumber))];
    }

    /// <summary>Huge pages are within memory.current then, and are not billed a second time.</summary>
    public bool HugePagesAreMemory { get; }

    /// <summary>memory.events then counts no cgroup below.</summary>
    public bool EventsAreLocal { get; }

    /// <summary>Facts that any cgroup has had.</summary>
    public uint Seen { get; private set; }

    public bool HasSeen(Fact fact) => (Seen & (1u << (int)fact)) != 0;

    /// <summary>By family, and by meter where it differs from its family.</summary>
    public IReadOnlyDictionary<string, string> Availability => new Dictionary<string, string>
    {
        ["pressure"] = HasSeen(Fact.CpuPressure) ? "exact: v2 *.pressure" : "unavailable: the kernel keeps no pressure per cgroup (CONFIG_PSI, boot with psi=1)",
        ["hugepages"] = HugePagesAreMemory ? "unavailable: within memory, by mount option memory_hugetlb_accounting"
            : HasSeen(Fact.HugePages) ? "exact: v2 hugetlb.*.current" : "unavailable: no cgroup has the hugetlb controller (cgroup.subtree_control)",
        ["lifetime"] = "best-effort: from first sight of the cgroup to its end",
        ["reservation"] = HasSeen(Fact.CpuLimit) || HasSeen(Fact.MemoryLimit) || HasSeen(Fact.Processors) ? "exact: cpu.max, cpuset.cpus.effective, memory.max, memory.min"
            : "unavailable: no cgroup has the cpu, cpuset or memory controller (cgroup.subtree_control)",
        [MeterCatalogue.CpuThrottled.Name] = HasSeen(Fact.CpuLimit) ? "exact: v2 cpu.stat throttled_usec" : "unavailable: no cgroup has the cpu controller (cgroup.subtree_control)",
        [MeterCatalogue.Swap.Name] = HasSeen(Fact.Swap) ? "exact: v2 memory.swap.current" : "unavailable: no cgroup has memory.swap.current (memory controller, CONFIG_SWAP)",
        [MeterCatalogue.OomKills.Name] = HasSeen(Fact.OomKills) ? "exact: v2 memory.events" : "unavailable: no cgroup has the memory controller (cgroup.subtree_control)",
        [MeterCatalogue.MemoryPeak.Name] = HasSeen(Fact.MemoryPeak) ? "exact: v2 memory.peak" : "best-effort: the largest memory.current that was read (memory.peak came with Linux 5.19)",
        [MeterCatalogue.Frozen.Name] = HasSeen(Fact.Frozen) ? "exact: v2 cgroup.stat.local"
            : HasSeen(Fact.FrozenNow) ? "best-effort: cgroup.events, as seen at each reading (cgroup.stat.local came with Linux 6.18)" : "unavailable: the kernel tells no frozen state (cgroup.events came with Linux 5.2)",
    };

    /// <summary>Reads what is wanted and whose controller the tree has.</summary>
    public void Read(CgroupNode node, SlowState state, Facts facts, IReadOnlySet<string> controllers)
    {
        var directory = -1;
        foreach (var entry in _entries)
        {
            // Where the kernel counts frozen time, whether it is frozen now tells nothing more.
            if (entry.Fact == Fact.FrozenNow && (facts.Has(Fact.Frozen) || state.Has(Fact.Frozen))) continue;
            if (!facts.Wants(entry.Fact) || state.IsMissing(entry.Fact)) continue;
            if (entry.Controller is { } controller && !controllers.Contains(controller))
            {
                state.Missing |= 1u << (int)entry.Fact;
                continue;
            }

            if (directory < 0) directory = _tree.OpenDirectory(node.Path, node.Inode);
            if (directory < 0)
            {
                _counters.Failed(directory);
                return;
            }

            Read(directory, entry, state, facts);
        }

        if (directory >= 0) _tree.Close(directory);
        Seen |= facts.Known;
    }

    private void Read(int directory, in Entry entry, SlowState state, Facts facts)
    {
        var handle = _tree.OpenIn(directory, entry.Name);
        if (handle == -Posix.ENOENT) state.Missing |= 1u << (int)entry.Fact;
        if (handle < 0)
        {
            _counters.Failed(handle);
            return;
        }

        _counters.FilesRead++;
        var length = _tree.Read(handle, _buffer);
        if (length > 0 && entry.Fact == Fact.OomKills) LookForRestart(handle, state, facts);
        _tree.Close(handle);
        if (length <= 0) return;
        if (!entry.Parse(_buffer.AsSpan(0, length), out var value)) _counters.Malformed++;
        else if (entry.Fact != Fact.Processors || value < _hostProcessors) facts.Add(entry.Fact, value, bestEffort: entry.Fact == Fact.FrozenNow);
    }

    // A controller that was switched off and on made its files anew, and its counters with them.
    private void LookForRestart(int handle, SlowState state, Facts facts)
    {
        var inode = _tree.FileInode(handle);
        if (state.EventsInode != 0 && inode != state.EventsInode) facts.Restarted |= 1u << (int)Fact.OomKills;
        state.EventsInode = inode;
    }

    private static IEnumerable<Entry> Files() =>
    [
        Entry.Of("memory.swap.current", Fact.Swap, "memory", SlowParser.TryNumber),
        Entry.Of("memory.events", Fact.OomKills, "memory", SlowParser.TryOomKills),
        Entry.Of("memory.peak", Fact.MemoryPeak, "memory", SlowParser.TryNumber),
        Entry.Of("cpu.pressure", Fact.CpuPressure, null, SlowParser.TryPressure),
        Entry.Of("memory.pressure", Fact.MemoryPressure, null, SlowParser.TryPressure),
        Entry.Of("io.pressure", Fact.IoPressure, null, SlowParser.TryPressure),
        Entry.Of("cgroup.stat.local", Fact.Frozen, null, SlowParser.TryFrozen),
        Entry.Of("cgroup.events", Fact.FrozenNow, null, SlowParser.TryFrozenNow),
        Entry.Of("cpu.max", Fact.CpuLimit, "cpu", SlowParser.TryCpuMax),
        Entry.Of("cpuset.cpus.effective", Fact.Processors, "cpuset", SlowParser.TryProcessors),
        Entry.Of("memory.max", Fact.MemoryLimit, "memory", SlowParser.TryLimit),
        Entry.Of("memory.min", Fact.MemoryMinimum, "memory", SlowParser.TryLimit),
    ];

    /// <summary>The sizes of huge pages as the cgroup files name them.</summary>
    public static IEnumerable<string> HugePageNames(IEnumerable<string>? sizes = null)
    {
        const string Kernel = "/sys/kernel/mm/hugepages";
        foreach (var size in sizes ?? (Directory.Exists(Kernel) ? Directory.EnumerateDirectories(Kernel).Select(path => Path.GetFileName(path)!) : []))
        {
            if (HugePageSize.TryName(size, out var name)) yield return name;
        }
    }

    private readonly record struct Entry(byte[] Name, Fact Fact, string? Controller, FileParser Parse)
    {
        public static Entry Of(string name, Fact fact, string? controller, FileParser parse) => new(Encoding.ASCII.GetBytes(name + "\0"), fact, controller, parse);
    }
}
