using Metering.Agent.Cgroups;
using Metering.Meters;

namespace Metering.Agent.Accounting;

// Between passes: a birth opens the child at once, an emptied cgroup is read before it is removed, a death reads its parent while what it used can still be told apart.
internal sealed partial class Meterer : ITreeEvents
{
    /// <summary>Values of <see cref="CgroupNode.EventsWatch"/> that are no watch.</summary>
    private const int NotAsked = -1, NoWatch = -2;

    /// <summary>
    /// A parent of at most so many children is read on every deletion. One of more is read at most once in 48 µs per child: a reading costs 2 to 3 µs, so that
    /// following one parent takes a twentieth of a processor however many children live and die; the deaths between are settled together.
    /// </summary>
    private const int FreeChildren = 64;
    private const long PaceMicrosecondsPerChild = 48;

    private readonly Dictionary<int, CgroupNode> _endWatches = [];
    private readonly Dictionary<string, CgroupNode> _byPath = new(StringComparer.Ordinal);
    private readonly List<CgroupNode> _changed = [], _newborn = [];
    private List<CgroupNode> _stirred = [], _paced = [];
    private int _endWatchesBound;
    private long _clock;
    private bool _following;

    /// <summary>
    /// Acts on what happened since the last pass. <paramref name="clockMicroseconds"/> is of the clock that nothing sets. Returns the moment of that clock
    /// at which something waits to be done even if nothing more happens; null when nothing does.
    /// </summary>
    public long? Follow(long clockMicroseconds)
    {
        (_clock, _following) = (clockMicroseconds, true);
        _tree.DrainEvents(this);
        ReadEmptied();
        long? again = null;
        for (var i = 0; i < _stirred.Count; i++)
        {
            var parent = _stirred[i];
            parent.Events!.Queued = false;
            if (parent.Gone || Follow(parent)) continue;
            again = Math.Min(again ?? long.MaxValue, parent.Events.NotBefore);
            parent.Events.Queued = true;
            _paced.Add(parent);
        }

        _stirred.Clear();
        (_stirred, _paced) = (_paced, _stirred);
        ReadEmptied();
        _following = false;
        return again;
    }

    // True when nothing is left to be done for this parent.
    private bool Follow(CgroupNode parent)
    {
        var events = parent.Events!;
        var proves = !IsMachine(parent);
        var done = true;
        if (proves && (!parent.Vacant || parent.Dying is { Count: > 0 } || events.Told.Exists(told => !told.Born)) && _clock >= events.NotBefore)
        {
            VisitCpu(parent);

            // Found empty, and a second reading that leaves nothing open: from here on what ends below it can be told apart.
            if (parent is { Gone: false, Emptied: true, Vacant: false, Dying: not { Count: > 0 } } && parent.Children.Count <= FreeChildren)
            {
                parent.Attention = true;
                VisitCpu(parent);
            }

            if (parent.Children.Count > FreeChildren) events.NotBefore = _clock + PaceMicrosecondsPerChild * parent.Children.Count;
        }
        else
        {
            FindChildren(parent);
            done = !proves || parent.Dying is not { Count: > 0 };
        }

        // Reading one can tell of others.
        for (var i = 0; i < _newborn.Count; i++)
        {
            if (!_newborn[i].Gone && _newborn[i].LookedAt < 0) VisitCpu(_newborn[i]);
        }

        _newborn.Clear();
        return done;
    }

    // In the order of the kernel, so that a name that came back is told apart from the one before.
    private void Hear(CgroupNode parent, ChildEvents events)
    {
        for (var i = 0; i < events.Told.Count; i++)
        {
            var (born, name) = events.Told[i];
            if (born)
            {
                if (parent.Refused && IsFull(parent))
                {
                    Counters.NamesOverBound++;
                    continue;
                }

                if (Meet(parent, name) != Met.Missing) continue;
                NeverOpened(parent, name);
                events.Foretell(name.Name);
            }
            else if (!events.WasForetold(name.Name))
            {
                HearDeath(parent, name);
            }
        }

        events.Told.Clear();
    }

    private void HearDeath(CgroupNode parent, ChildName name)
    {
        if (_byPath.TryGetValue(name.Path, out var child))
        {
            switch (ReadCpu(child, out _))
            {
                case Reading.Gone:
                    Die(child);
                    return;
                case Reading.Unknown:
                    parent.Clean = false;
                    return;
            }
        }

        // The one that is here now is younger than the death.
        NeverOpened(parent, name);
    }

    // Born and removed before it could be opened: a workload all the same, known by its path. No inode has the second-highest bit set: the kernel counts up from 1.
    private void NeverOpened(CgroupNode parent, ChildName name)
    {
        if (IsMachine(parent) || parent.Refused) return;
        if (!MayName(parent))
        {
            (parent.Refused, parent.Clean) = (true, false);
            return;
        }

        _lastUnopened = Math.Max(_lastUnopened + 1, (ulong)_clock);
        var node = new CgroupNode((1UL << 62) | _lastUnopened, name.Path, parent, _recognise(name.Path)) { BornLater = true, FromZero = true, Gone = true, MetAt = parent.ReadAt, ReadAt = parent.ReadAt };
        node.Cpu.Start(0, fromZero: true);
        (parent.Dying ??= []).Add(node);
        Counters.NeverOpened++;
    }

    // A death that a reading found: its event, if one is sure to come, tells nothing new.
    private static void Foretell(CgroupNode node)
    {
        if (node.Parent is { Sure: true, Gone: false } parent) (parent.Events ??= new ChildEvents()).Foretell(node.Path.AsSpan(node.Path.LastIndexOf('/') + 1));
    }

    private void ReadEmptied()
    {
        for (var i = 0; i < _changed.Count; i++)
        {
            var node = _changed[i];
            if (node.Gone) continue;
            var handle = _tree.OpenFile(node.Path, node.Inode, "cgroup.events");
            if (handle < 0)
            {
                CheckAlive(node);
                continue;
            }

            var length = _tree.Read(handle, _buffer);
            _tree.Close(handle);
            Counters.FilesRead++;
            if (length > 0) NoteFrozen(node, _buffer.AsSpan(0, length));
            node.Complete = length > 0 && StatParser.TryKey(_buffer.AsSpan(0, length), "populated"u8, out var populated) && populated == 0;
            if (!node.Complete)
            {
                FindNetwork(node);
                continue;
            }

            Counters.EmptiedRead++;
            VisitCpu(node);
            ReadLast(node);
        }

        _changed.Clear();
    }

    /// <summary>All but CPU and memory of a cgroup that is about to end; it is published with the next pass, also when the cgroup is gone by then.</summary>
    internal void ReadLast(CgroupNode node)
    {
        if (node.Gone || node.Parent is null || node.Children.Count > 0 || !_source.IsHierarchical) return;

        // A parent whose counting has not begun would take what its child has already claimed for use before that.
        if (HasConservedParent(node) && node.Parent is { FromZero: false, Io: null, Memory: null, Slow: null }) return;

        // Not memory: what the processes held is given back by now, and a straight line down to it would bill half of what they held since the last pass.
        if (_options.Io && _source.Has(MeterFamily.Io)) VisitIo(node);
        if (_options.Pids && _source.Has(MeterFamily.Pids)) ReadPids(node);
        if (!_options.Slow) return;
        ReadSlow(node, Facts.All, readNetwork: true);
        SettleSlow(node);
        for (var above = node.Parent; above?.Slow is not null; above = above.Parent) SettleSlow(above);
    }

    private void CheckAlive(CgroupNode node)
    {
        if (ReadCpu(node, out _) != Reading.Gone) return;
        Foretell(node);
        Die(node);
    }

    private void Queue(CgroupNode parent)
    {
        var events = parent.Events ??= new ChildEvents();
        if (events.Queued) return;
        events.Queued = true;
        _stirred.Add(parent);
    }

    void ITreeEvents.Born(int watch, ReadOnlySpan<byte> name) => Tell(watch, name, born: true);

    void ITreeEvents.Died(int watch, ReadOnlySpan<byte> name) => Tell(watch, name, born: false);

    private void Tell(int watch, ReadOnlySpan<byte> name, bool born)
    {
        if (!_watches.TryGetValue(watch, out var parent)) return;
        (parent.Events ??= new ChildEvents()).Told.Add((born, _names.Of(parent, name)));
        Queue(parent);
        Raise(parent);
    }

    void ITreeEvents.Changed(int watch)
    {
        if (!_endWatches.TryGetValue(watch, out var node)) return;
        node.Complete = false;
        if (_changed.Count == 0 || _changed[^1] != node) _changed.Add(node);
    }

    void ITreeEvents.Overflow()
    {
        Counters.Overflows++;
        foreach (var node in _nodes.Values)
        {
            node.NeedsListing = node.IsWalked;
            (node.Attention, node.Sure, node.Clean, node.Complete) = (true, false, false, false);
            node.Events?.Forget();
        }
    }

    private static void Raise(CgroupNode? node)
    {
        for (; node is { Attention: false }; node = node.Parent) node.Attention = true;
    }
}
