using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Meters;
using Metering.Safety;

namespace Metering.Agent.Accounting;

/// <summary>
/// One pass after the other over the cgroup tree: reads, and settles every account by the claim rule. Holds the whole state of accounting in memory;
/// what has changed since the journal last stored it is in <see cref="Touched"/> and <see cref="Ended"/>. Single-threaded, allocates nothing in a steady pass.
/// </summary>
internal sealed partial class Meterer
{
    private readonly ICgroupTree _tree;
    private readonly Func<string, Workload> _recognise;
    private readonly PassOptions _options;
    private readonly IMeterSource _source;
    private readonly byte[] _buffer = new byte[4096];
    private readonly Dictionary<int, CgroupNode> _watches = [];
    private readonly Dictionary<ulong, CgroupNode> _nodes = [];
    private readonly List<CgroupEntry> _entries = [];
    private readonly List<CgroupNode> _touched = [];
    private readonly List<CgroupNode> _ended = [];
    private readonly List<CgroupNode> _sandwiches = [];
    private long _pass = 1;
    private long _now;
    private ulong _lastUnopened;
    private readonly Func<long>? _bootClock;
    private bool _everythingIsNew;

    /// <summary>The pass is at, or the first after, the bound of a bucket: all is read, so that each bucket gets its own.</summary>
    private bool _closing;

    /// <param name="network">Reads network namespaces; null: network is not metered.</param>
    /// <param name="clock">Microseconds since boot, which all elapsed time is counted by; null: the instants of the passes.</param>
    public Meterer(
        ICgroupTree tree, Func<string, Workload> recognise, PassOptions options, IMeterSource? source = null, PassCounters? counters = null, NetworkMeter? network = null, Func<long>? clock = null)
    {
        (_network, _bootClock, _note) = (network, clock, Note);
        _tree = tree;
        _recognise = recognise;
        _options = options;
        _endWatchesBound = options.WatchedLeaves;
        Counters = counters ?? new PassCounters();
        _source = source ?? new V2Source(tree, options, Counters, new BlockDevices());
        _everythingIsNew = true;
        Root = Adopt(new CgroupNode(0, "/", null, recognise("/")));
        Root.FromZero = CountsFromZero(Root);
    }

    public CgroupNode Root { get; private set; }

    /// <summary>Nominal instant of the pass under way or just done, Unix microseconds.</summary>
    public long Now => _now;

    public PassCounters Counters { get; }

    public IMeterSource Source => _source;

    public bool CpuIsBestEffort => _tree.CpuIsNanoseconds;

    /// <summary>What this host gives of the network.</summary>
    public string NetworkAvailability => _network is null ? "unavailable: not asked for" : _network.Trouble ?? "best-effort: per network namespace, /proc/PID/net/dev; the kernel has no parent counter, so what is sent after the last reading of a namespace is lost";

    /// <summary>Live cgroups, the root included.</summary>
    public IReadOnlyCollection<CgroupNode> Nodes => _nodes.Values;

    /// <summary>Nodes that changed since <see cref="Journalled"/>; ended ones are not among them.</summary>
    public IReadOnlyList<CgroupNode> Touched => _touched;

    /// <summary>Nodes that ended since <see cref="Journalled"/>.</summary>
    public IReadOnlyList<CgroupNode> Ended => _ended;

    /// <summary>Parents whose sandwich was read in the last pass.</summary>
    public IReadOnlyList<CgroupNode> Sandwiches => _sandwiches;

    /// <summary>
    /// Reads the tree. <paramref name="nominalMicroseconds"/> is the instant that the window ends at; levels are integrated up to it.
    /// The first pass of an epoch only finds where counting begins. <paramref name="clockMicroseconds"/> is the moment by the clock that nothing sets; by default the instant.
    /// </summary>
    public void Run(long nominalMicroseconds, long? clockMicroseconds = null)
    {
        _closing = nominalMicroseconds % BucketBoundMicroseconds == 0 || Bucket(_now + 1) != Bucket(nominalMicroseconds);
        (_now, _clock) = (nominalMicroseconds, clockMicroseconds ?? _bootClock?.Invoke() ?? nominalMicroseconds);
        _sandwiches.Clear();
        Counters.Passes++;

        // Kept descriptors and watches outlive a mount, so that only this tells of it at once.
        TreeIsGone();
        ReadEmptied();
        VisitCpu(Root);
        _source.BeginPass(this);
        if (_options.Memory && _source.Has(MeterFamily.Memory)) VisitMemory(Root, parentMoved: true);
        if (_options.Io && _source.Has(MeterFamily.Io)) VisitIo(Root);
        if (_options.Pids && _source.Has(MeterFamily.Pids)) VisitPids(Root);
        if (_options.Slow) VisitSlow();
        _active.Clear();
        _everythingIsNew = false;

        // What moves from here on moved in the next pass.
        _pass++;
    }

    /// <summary>The journal holds everything up to here: what is published now is not published again.</summary>
    public void Journalled()
    {
        foreach (var node in _touched)
        {
            node.Touched = false;
            node.Announced = true;
            (node.Renamed, node.DescriptionStored) = (false, true);
            node.Cpu.Journalled();
            if (node.Memory is { } memory)
            {
                memory.Account.Journalled();
                memory.JournalledPeakBytes = memory.PeakBytes;
            }

            if (node.Io is { } io)
            {
                for (var i = 0; i < io.Accounts.Length; i++) io.Accounts[i].Journalled();
            }

            if (node.Pids is { } pids) pids.Journalled = pids.Peak;
            node.Slow?.MarkJournalled(Bucket(_now));
        }

        // What they used is told; what shows later is their parent's.
        foreach (var node in _ended) node.Parent?.Dying?.Clear();
        foreach (var node in _ended) Spare(node);
        _touched.Clear();
        _ended.Clear();
        _namedLate.Clear();
        ApplyTenants();
    }

    /// <summary>Takes over the nodes that an earlier process of this boot had journalled; the root comes first.</summary>
    public void Restore(IEnumerable<CgroupNode> nodes)
    {
        _everythingIsNew = false;
        _slowAll = true;
        foreach (var node in nodes)
        {
            if (node.Parent is null)
            {
                _nodes.Remove(Root.Inode);
                Root = node;
            }
            else
            {
                node.Parent.Children.Add(node);
            }

            Adopt(node);
            _network?.Restore(node);
            node.Attention = true;
        }
    }

    /// <summary>Another boot: every instance is gone, what was held back is released, and what lives now was born since.</summary>
    public void Rebooted()
    {
        foreach (var child in Root.Children.ToArray()) Die(child);
        Root.Children.Clear();
        Root.Dying?.Clear();
        Root.Cpu.BeginGeneration();
        Root.FromZero = true;
        Root.Enumerated = true;
        Root.NeedsListing = true;
        Root.Io?.Last.Clear();
        if (Root.Memory is { } memory) memory.Level = false;
        Root.Slow?.Restart();
        _slowAll = true;
        Touch(Root);
    }

    /// <summary>CPU now comes from another hierarchy of the same boot: its cgroups are other instances, and what they used before is not known to be unbilled.</summary>
    public void Rehomed()
    {
        foreach (var child in Root.Children.ToArray()) Die(child);
        Root.Children.Clear();
        (Root.FromZero, Root.Enumerated, Root.BornLater, Root.NeedsListing) = (false, false, false, true);
        _slowAll = true;
        Touch(Root);
    }

    /// <summary>Gives back every descriptor and watch; nothing can be read any more.</summary>
    public void CloseAll()
    {
        foreach (var node in _nodes.Values)
        {
            if (node.CpuHandle >= 0) CloseCpu(node);
            if (node.Watch >= 0) _tree.Unwatch(node.Watch);
            if (node.EventsWatch >= 0) _tree.Unwatch(node.EventsWatch);
            _source.Forget(node);
        }

        _nodes.Clear();
        _watches.Clear();
        _endWatches.Clear();
        _byPath.Clear();
    }

    /// <summary>The bucket that a window with this end belongs to.</summary>
    internal static long Bucket(long endMicroseconds) => (endMicroseconds - 1) / BucketBoundMicroseconds;

    private void Touch(CgroupNode node)
    {
        if (node.Touched) return;
        node.Touched = true;
        _touched.Add(node);
    }

    private CgroupNode Adopt(CgroupNode node)
    {
        _nodes[node.Inode] = node;
        _byPath[node.Path] = node;
        return node;
    }

    internal static string Join(string parent, string name) => parent == "/" ? "/" + name : parent + "/" + name;
}
