using System.Security.Cryptography;
using System.Text;
using Metering.Agent.Cgroups;
using Metering.Meters;

namespace Metering.Agent.Accounting;

/// <summary>
/// Memory, block I/O and pids on a hybrid host: v1 groups, joined to the v2 cgroup by the processes that are in both, since paths may differ.
/// Best effort by nature: a v1 group gives up nothing after its end, and one whose processes belong to several workloads is nobody's.
/// </summary>
internal sealed class V1Source(V1Groups groups) : IMeterSource
{
    /// <summary>The join reads a file per process; it is made anew at this cadence, and sooner when cgroups were born.</summary>
    private const long JoinEveryMicroseconds = 30_000_000, JoinAfterBirthMicroseconds = 2_000_000;

    private readonly Dictionary<CgroupNode, List<string>> _memory = [], _io = [], _pids = [];
    private readonly Dictionary<string, List<string>> _below = new(StringComparer.Ordinal);
    private long _joinedAt = long.MinValue / 2;
    private long _birthsJoined = -1;

    public bool IsHierarchical => false;

    public IReadOnlyDictionary<string, string> Availability => new Dictionary<string, string>
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
        Join(meterer);
    }

    public bool TryMemory(CgroupNode node, MemoryState state, out ulong bytes)
    {
        bytes = 0;
        if (!_memory.TryGetValue(node, out var mine)) return false;
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
        if (!_io.TryGetValue(node, out var mine)) return false;
        state.Availability = Messages.Availability.BestEffort;
        var known = false;
        foreach (var group in mine)
        {
            if (groups.Io(group) is not { } rows) continue;
            known = true;
            var id = BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes(group)));
            foreach (var row in rows) state.Observe(id, row, countFirst);
        }

        return known;
    }

    public bool TryPids(CgroupNode node, PeakState state, out ulong tasks)
    {
        tasks = 0;
        if (!_pids.TryGetValue(node, out var mine)) return false;
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

    public void ReadSlow(CgroupNode node, SlowState state, Facts facts)
    {
    }

    public void Annotate(CgroupNode node, SlowState state, Action<CgroupNode, MeterFamily, string?> note)
    {
    }

    public void Forget(CgroupNode node)
    {
        _memory.Remove(node);
        _io.Remove(node);
        _pids.Remove(node);
    }

    private void Join(Meterer meterer)
    {
        var byPath = new Dictionary<string, CgroupNode>(StringComparer.Ordinal);
        foreach (var node in meterer.Nodes) byPath[CgroupName.Display(node.Path)] = node;
        var owners = new Dictionary<(string Controller, string Group), CgroupNode?>();
        foreach (var (unified, v1) in groups.Processes())
        {
            var owner = Owner(byPath, CgroupName.Display(unified));
            foreach (var controller in (ReadOnlySpan<string>)["memory", "blkio", "pids"])
            {
                // The root group counts the whole machine.
                if (!v1.TryGetValue(controller, out var group) || group == "/") continue;
                owners[(controller, group)] = owners.TryGetValue((controller, group), out var known) && known != owner ? null : owner;
            }
        }

        Assign(owners, "memory", _memory);
        Assign(owners, "blkio", _io);
        Assign(owners, "pids", _pids);
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

    private string Describe(string controller, string file) =>
        groups.Has(controller) ? $"best-effort: v1 {file}, joined by process" : $"unavailable: neither the v2 tree nor a v1 hierarchy has {controller}";
}
