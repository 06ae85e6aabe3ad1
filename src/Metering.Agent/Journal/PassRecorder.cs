using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Agent.Workloads.Names;
using Metering.Meters;

namespace Metering.Agent.Journal;

/// <summary>
/// A pass, made durable: reads the tree, encodes what was published since the last encoded pass, and stores batches and baselines in one transaction.
/// One encoded pass may wait to be stored, by another thread too, while the tree is followed and read: a disk takes milliseconds, a busy one seconds, and meanwhile cgroups end.
/// When storing fails, nothing is forgotten: the same bytes are stored later, and what was read since is carried by the pass after.
/// </summary>
internal sealed class PassRecorder
{
    // Deltas are written until they outweigh the whole so many times.
    private const int DeltasPerWhole = 4;

    private readonly AgentJournal _journal;
    private readonly Func<Meterer> _newMeterer;
    private readonly HostFacts _facts;
    private readonly bool _rootIsMachine;
    private readonly UsageEncoder _encoder = new();
    private readonly ProtoBuffer _state = new(64 * 1024);
    private readonly Dictionary<string, string> _hostLabels = new(StringComparer.Ordinal);
    private readonly NameTracker? _names;
    private readonly Func<long> _bootClock;
    private readonly Lock _storing = new();
    private volatile PassEntry? _waiting;
    private bool _wholeEncoded;
    private long _lastBoot;
    private (long Start, long End, long Boot) _read;

    /// <param name="bootClock">Microseconds since boot; null: the kernel's.</param>
    public PassRecorder(AgentJournal journal, Func<Meterer> newMeterer, HostFacts facts, bool rootIsMachine, Func<string, Workload> recognise, NameTracker? names = null, Func<long>? bootClock = null)
    {
        (_names, _bootClock) = (names, bootClock ?? Posix.BootMicroseconds);
        (_journal, _newMeterer, _facts, _rootIsMachine) = (journal, newMeterer, facts, rootIsMachine);
        Meterer = newMeterer();

        // What is not read is said to be so; a family that a source reads replaces its line with every pass.
        foreach (var family in Enum.GetValues<MeterFamily>()) _hostLabels["meter." + family.ToString().ToLowerInvariant()] = "unavailable: this agent does not read it";
        _hostLabels["meter.cpu"] = Meterer.CpuIsBestEffort ? "best-effort: v1 cpuacct.usage" : rootIsMachine ? "exact: v2 cpu.stat (best-effort for kind system: /proc/stat)" : "exact: v2 cpu.stat";
        _lastBoot = journal.BootId == facts.BootId ? journal.BootMicroseconds ?? 0 : 0;
        (LastPassMicroseconds, Before) = (journal.LastPassMicroseconds, journal.Before);
        if (_bootClock() < _lastBoot) BeginNewEpoch(EpochEnd.Snapshot);
        var states = journal.States();
        if (states.Count == 0) return;
        Meterer.Restore(StateCodec.Replay(states, recognise));
        if (journal.BootId is { } stored && !facts.SameHierarchy(stored)) Meterer.Rehomed();
        else if (journal.BootId != facts.BootId) Meterer.Rebooted();
        else
        {
            // A version before this one stored the instants of levels by the wall clock.
            if (journal.BootMicroseconds is { } last) Meterer.HeldUntil(last);
            else Meterer.ForgetLevels();
            names?.Restored(Meterer);
        }
    }

    public Meterer Meterer { get; private set; }

    /// <summary>What the last pass could only do in a worse way.</summary>
    public DegradedStates Degraded { get; } = new();

    /// <summary>Why the epoch before this one ended; <see cref="EpochEnd.None"/> when it is the journal's first or simply went on.</summary>
    public EpochEnd Ended { get; private set; }

    /// <summary>What is said of enforcement on this host; null when there is nothing to say.</summary>
    public Func<string?>? Enforcement { get; set; }

    /// <summary>Nominal instant of the last encoded pass; null before the first.</summary>
    public long? LastPassMicroseconds { get; private set; }

    /// <summary>What the cgroups had used when metering began here; null until the first pass.</summary>
    public BeforeMetering? Before { get; private set; }

    /// <summary>One pass, stored when this returns. Throws <see cref="JournalFullException"/> when it, or one that waits, could not be.</summary>
    /// <inheritdoc cref="Read" path="/param"/>
    public void Pass(long nominalMicroseconds, long? clockMicroseconds = null)
    {
        Read(nominalMicroseconds, clockMicroseconds);
        Store();
        TryEncode();
        Store();
    }

    /// <summary>Reads the tree.</summary>
    /// <param name="nominalMicroseconds">
    /// The instant of the wall clock's grid. Where it lies before the end of the last window (the clock was set back), the window is empty and lies at that end:
    /// no time is billed twice, and what is used meanwhile is billed there.
    /// </param>
    /// <param name="clockMicroseconds">The moment by the clock that nothing sets; by default the instant.</param>
    public void Read(long nominalMicroseconds, long? clockMicroseconds = null)
    {
        var boot = _bootClock();
        if (boot < _lastBoot) BeginNewEpoch(EpochEnd.Snapshot);
        _lastBoot = boot;
        var start = LastPassMicroseconds ?? nominalMicroseconds;
        nominalMicroseconds = Math.Max(start, nominalMicroseconds);
        _read = (start, nominalMicroseconds, boot);
        _names?.Apply(Meterer);
        Meterer.Run(nominalMicroseconds, clockMicroseconds);
        Degraded.After(Meterer.Counters);
        _names?.Follow(Meterer);
    }

    /// <summary>Encodes what was read, to be stored. False while an earlier pass waits; what was read stays in the accounts then.</summary>
    public bool TryEncode()
    {
        if (_waiting is not null) return false;
        var (start, end, boot) = _read;
        var before = LastPassMicroseconds is null ? BeforeMetering.Of(Meterer) : null;
        Before = before ?? Before;
        Label();
        var length = (ulong)(end - start);

        // Counters outlive the agent but not the boot: of a window with a reboot in it, only the part since the boot is surely covered.
        var covered = _journal.BootId == _facts.BootId || _journal.BootId is null ? length : Math.Min(length, (ulong)boot);
        var window = new PassWindow(_journal.Host, _journal.Epoch, start, end, covered, length, _facts, _hostLabels);
        var batches = _encoder.Encode(Meterer, window, _journal.NextSequence, _rootIsMachine);
        var whole = !_wholeEncoded || _journal.DeltaBytes > DeltasPerWhole * Math.Max(_journal.WholeBytes, 64 * 1024);
        _waiting = new PassEntry(batches, State(whole), whole, end, _facts.BootId, boot, before);
        (_wholeEncoded, LastPassMicroseconds) = (true, end);
        Meterer.Journalled();
        return true;
    }

    /// <summary>Stores what waits, if anything does; from any thread. Throws <see cref="JournalFullException"/> when it can not be stored, and it waits on.</summary>
    public void Store()
    {
        lock (_storing)
        {
            if (_waiting is not { } pass) return;
            _journal.Append(pass);
            _waiting = null;
        }
    }

    /// <summary>Nothing stored can be trusted to speak of this machine as it is now: the next pass is a baseline.</summary>
    public void BeginNewEpoch(EpochEnd why = EpochEnd.Fork)
    {
        Ended = why;
        _hostLabels.Remove(BeforeMetering.Label);
        _lastBoot = 0;
        lock (_storing)
        {
            _waiting = null;
            _journal.BeginNewEpoch();
        }

        (LastPassMicroseconds, Before) = (null, null);
        Meterer.CloseAll();
        Meterer = _newMeterer();
        _wholeEncoded = false;
    }

    private void Label()
    {
        foreach (var (family, availability) in Meterer.Source.Availability) _hostLabels["meter." + family] = availability;
        if (_hostLabels.TryGetValue("meter.io", out var io)) _hostLabels["meter.io"] = Meterer.IoAvailability(io);
        _hostLabels["meter.network"] = Meterer.NetworkAvailability;
        if (Degraded.Now.Count == 0) _hostLabels.Remove(DegradedStates.Label);
        else _hostLabels[DegradedStates.Label] = string.Join("; ", Degraded.Now.Select(state => $"{state.Reason}: {state.Meaning}"));
        if (Enforcement?.Invoke() is { } enforced) _hostLabels["enforcement"] = enforced;
        else _hostLabels.Remove("enforcement");
        if (Before is { } known) _hostLabels[BeforeMetering.Label] = known.CpuSeconds;
    }

    private byte[] State(bool whole)
    {
        _state.Clear();
        if (whole)
        {
            foreach (var node in Meterer.Nodes) Write(node, whole);
        }
        else
        {
            foreach (var node in Meterer.Ended) StateCodec.WriteEnded(_state, node);
            foreach (var node in Meterer.Touched)
            {
                if (!node.Gone) Write(node, whole);
            }
        }

        return _state.ToArray();
    }

    private void Write(CgroupNode node, bool whole)
    {
        StateCodec.WriteNode(_state, node);
        StateCodec.WriteDescription(_state, node, whole);
    }
}
