using Metering.Agent.Cgroups;
using Metering.Meters;

namespace Metering.Agent.Accounting;

/// <summary>
/// Memory, block I/O and pids on a hybrid host: v1 groups, joined to the v2 cgroup by the processes that are in both, since paths may differ.
/// Best effort by nature: a v1 group gives up nothing after its end, and one whose processes belong to several workloads is nobody's.
/// </summary>
internal sealed class V1Source(V1Groups groups, ICgroupTree? tree = null, V2SlowFiles? unified = null, V1SlowFiles? slow = null, BlockDevices? devices = null) : IMeterSource
{
    /// <summary>The join reads a file per process; it is made anew at this cadence, and sooner when cgroups were born.</summary>
    private const long JoinEveryMicroseconds = 30_000_000, JoinAfterBirthMicroseconds = 2_000_000;

    private static readonly (MeterFamily Family, string Controller)[] Noted = [(MeterFamily.Memory, "memory"), (MeterFamily.Io, "blkio"), (MeterFamily.Pids, "pids")];
    private static readonly Dictionary<string, string> NoGroup = Texts("unavailable: no v1 {0} group is this cgroup's alone");
    private static readonly Dictionary<string, string> RootOnly = Texts("unavailable: its processes are in the root group of v1 {0}, which counts the whole machine");
    private static readonly Dictionary<string, string> RootIsPartial = Texts("partial: some of its processes are in the root group of v1 {0}, which counts the whole machine");

    private static readonly string[] Controllers = [.. V1SlowFiles.Controllers, "blkio", "pids"];
    private readonly Dictionary<string, Dictionary<CgroupNode, List<string>>> _joined = Controllers.ToDictionary(name => name, _ => new Dictionary<CgroupNode, List<string>>());
    private IReadOnlySet<string> _v2 = new HashSet<string>();
    private uint _seen;
    private readonly Dictionary<string, List<string>> _below = new(StringComparer.Ordinal);
    private readonly BlockDevices _devices = devices ?? new BlockDevices();
    private readonly HashSet<string> _inRootGroup = [];
    private long _joinedAt = long.MinValue / 2;
    private long _birthsJoined = -1;

    public bool IsHierarchical => false;

    public IReadOnlyDictionary<string, string> Availability
    {
        get
        {
            var found = new Dictionary<string, string>(unified?.Availability ?? new Dictionary<string, string>());
            foreach (var (family, text) in V1) found[family] = text;
            if (Seen(Fact.Throttled)) found[MeterCatalogue.CpuThrottled.Name] = "best-effort: v1 cpu.stat throttled_time, joined by process";
            if (Seen(Fact.Swap)) found[MeterCatalogue.Swap.Name] = "best-effort: v1 memory.memsw.usage_in_bytes, joined by process";
            if (Seen(Fact.OomKills)) found[MeterCatalogue.OomKills.Name] = "best-effort: v1 memory.oom_control, joined by process";
            if (Seen(Fact.MemoryPeak)) found[MeterCatalogue.MemoryPeak.Name] = "best-effort: v1 memory.max_usage_in_bytes, joined by process";
            if (Seen(Fact.HugePages)) found["hugepages"] = "best-effort: v1 hugetlb.*.usage_in_bytes, joined by process";
            if (Seen(Fact.CpuLimit) || Seen(Fact.Processors) || Seen(Fact.MemoryLimit)) found["reservation"] = "best-effort: v1 cpu.cfs_quota_us, cpuset.effective_cpus, memory.limit_in_bytes, joined by process";
            if (unified is null && Seen(Fact.FrozenNow)) found[MeterCatalogue.Frozen.Name] = "best-effort: v1 freezer.state, integrated";
            if (unified is null) found["lifetime"] = "best-effort: from first sight of the cgroup to its end";
            if (unified is null) found["pressure"] = "unavailable: v1 has no pressure per cgroup";
            return found;
        }
    }

    private bool Seen(Fact fact) => (_seen & (1u << (int)fact)) != 0;

    private Dictionary<string, string> V1 => new()
    {
        ["memory"] = Describe("memory", "memory.usage_in_bytes"),
        ["io"] = Describe("blkio", "blkio.throttle.io_service_bytes"),
        ["pids"] = Describe("pids", "pids.current"),
    };

    public bool Has(MeterFamily family) => family switch
    {
        MeterFamily.Memory => groups.Has("memory"),
        MeterFamily.Io => groups.Has("blkio"),
        MeterFamily.Pids => groups.Has("pids"),
        _ => false,
    };

    public void BeginPass(Meterer meterer)
    {
        var births = meterer.Counters.Births;
        var wait = births != _birthsJoined ? JoinAfterBirthMicroseconds : JoinEveryMicroseconds;
        if (meterer.Now - _joinedAt < wait) return;
        (_joinedAt, _birthsJoined) = (meterer.Now, births);
        if (unified is not null) _v2 = tree!.Controllers();
        Join(meterer);
    }

    public bool TryMemory(CgroupNode node, MemoryState state, out ulong bytes)
    {
        bytes = 0;
        if (!_joined["memory"].TryGetValue(node, out var mine)) return false;
        state.Availability = Messages.Availability.BestEffort;
        var known = false;
        foreach (var group in mine)
        {
            // v1 levels hold what is below; groups of other workloads below are theirs.
            if (groups.Number("memory", group, "memory.usage_in_bytes") is not { } level) continue;
            known = true;
            foreach (var other in _below.GetValueOrDefault(group) ?? []) level -= Math.Min(level, groups.Number("memory", other, "memory.usage_in_bytes") ?? 0);
            bytes += level;
        }

        return known;
    }

    public bool TryIo(CgroupNode node, IoState state, bool countFirst)
    {
        if (!_joined["blkio"].TryGetValue(node, out var mine)) return false;
        state.Availability = Messages.Availability.BestEffort;
        var known = false;
        foreach (var group in mine)
        {
            if (groups.Io(group) is not { } rows) continue;
            known = true;
            var id = groups.Instance("blkio", group);
            foreach (var row in rows)
            {
                if (_devices.IsBottomLayer(row.Device)) state.Observe(id, row, countFirst);
            }
        }

        return known;
    }

    public bool TryPids(CgroupNode node, PeakState state, out ulong tasks)
    {
        tasks = 0;
        if (!_joined["pids"].TryGetValue(node, out var mine)) return false;
        state.Availability = Messages.Availability.BestEffort;
        var known = false;
        foreach (var group in mine)
        {
            if (groups.Number("pids", group, "pids.current") is not { } count) continue;
            known = true;
            tasks += count;
        }

        return known;
    }

    public bool EventsAreLocal => true;

    // What the v2 tree has is taken from there; controllers are in one hierarchy only, so nothing is read twice.
    public void ReadSlow(CgroupNode node, SlowState state, Facts facts)
    {
        if (unified is not null && (node.Parent is not null || !tree!.RootIsMachine)) unified.Read(node, state, facts, _v2);
        if (slow is null) return;

        // Where the v2 tree does not have a controller a v1 hierarchy may.
        state.Missing = 0;
        ulong now = 0;
        foreach (var controller in V1SlowFiles.Controllers)
        {
            if (!_joined[controller].TryGetValue(node, out var mine)) continue;
            foreach (var group in mine) now ^= groups.Instance(controller, group);
            slow.Read(controller, mine, controller == "memory" ? _below : null, facts);
        }

        if (state.JoinedGroups != now) facts.Rebased = facts.BestEffort;
        state.JoinedGroups = now;
        _seen |= facts.BestEffort;
    }

    public void Annotate(CgroupNode node, SlowState state, Action<CgroupNode, MeterFamily, string?> note)
    {
        foreach (var (family, controller) in Noted)
        {
            if (!groups.Has(controller)) continue;
            var said = node.Notes?[(int)family];
            if (Missing(node, controller) is { } reason) note(node, family, reason);
            else if (said is not null && (family != MeterFamily.Io || said.StartsWith("unavailable", StringComparison.Ordinal))) note(node, family, null);
        }
    }

    // The root group of a hierarchy counts the whole machine, page cache of everybody included: it says nothing of the processes that are in it.
    private string? Missing(CgroupNode node, string controller)
    {
        var isJoined = _joined[controller].ContainsKey(node);
        if (node.Parent is not null) return isJoined ? null : NoGroup[controller];
        if (!_inRootGroup.Contains(controller)) return isJoined ? null : NoGroup[controller];
        return isJoined ? RootIsPartial[controller] : RootOnly[controller];
    }

    public void Forget(CgroupNode node)
    {
        foreach (var nodes in _joined.Values) nodes.Remove(node);
    }

    private void Join(Meterer meterer)
    {
        var byPath = new Dictionary<string, CgroupNode>(StringComparer.Ordinal);
        foreach (var node in meterer.Nodes) byPath[CgroupName.Display(node.Path)] = node;
        var owners = new Dictionary<(string Controller, string Group), CgroupNode?>();
        _inRootGroup.Clear();
        _devices.Forget();
        foreach (var (unified, v1) in groups.Processes())
        {
            var owner = Owner(byPath, CgroupName.Display(unified));
            foreach (var controller in Controllers)
            {
                if (!v1.TryGetValue(controller, out var group)) continue;
                if (group == "/")
                {
                    if (owner?.Parent is null) _inRootGroup.Add(controller);
                    continue;
                }

                owners[(controller, group)] = owners.TryGetValue((controller, group), out var known) && known != owner ? null : owner;
            }
        }

        foreach (var (controller, nodes) in _joined) Assign(owners, controller, nodes);
        FindBelow(owners);
    }

    private static CgroupNode? Owner(Dictionary<string, CgroupNode> byPath, string path)
    {
        while (!byPath.ContainsKey(path) && path.Length > 1)
        {
            var slash = path.LastIndexOf('/');
            path = slash <= 0 ? "/" : path[..slash];
        }

        return byPath.GetValueOrDefault(path);
    }

    private static void Assign(Dictionary<(string Controller, string Group), CgroupNode?> owners, string controller, Dictionary<CgroupNode, List<string>> into)
    {
        into.Clear();
        foreach (var ((name, group), owner) in owners)
        {
            if (name != controller || owner is null) continue;
            if (!into.TryGetValue(owner, out var list)) into[owner] = list = [];
            list.Add(group);
        }
    }

    // The nearest groups below each memory group: their level is within its level, and is taken out of it, since each of them speaks for itself.
    private void FindBelow(Dictionary<(string Controller, string Group), CgroupNode?> owners)
    {
        _below.Clear();
        var all = owners.Keys.Where(key => key.Controller == "memory").Select(key => key.Group).ToHashSet(StringComparer.Ordinal);
        foreach (var group in all)
        {
            for (var parent = Parent(group); parent.Length > 1; parent = Parent(parent))
            {
                if (!all.Contains(parent)) continue;
                if (!_below.TryGetValue(parent, out var list)) _below[parent] = list = [];
                list.Add(group);
                break;
            }
        }
    }

    private static string Parent(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "/";

    private static Dictionary<string, string> Texts(string format) => Noted.ToDictionary(one => one.Controller, one => string.Format(System.Globalization.CultureInfo.InvariantCulture, format, one.Controller));

    private string Describe(string controller, string file) =>
        groups.Has(controller) ? $"best-effort: v1 {file}, joined by process" : $"unavailable: neither the v2 tree nor a v1 hierarchy has {controller}";
}
