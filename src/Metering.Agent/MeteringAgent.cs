using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Enforcement;
using Metering.Agent.Journal;
using Metering.Agent.Shipping;
using Metering.Agent.Workloads;
using Metering.Agent.Workloads.Names;
using Metering.Units;
using Microsoft.Extensions.Logging;

namespace Metering.Agent;

/// <summary>
/// One host's agent: read → recognise → account → journal on the clock's instants, and beside it the shipping of what the journal holds.
/// </summary>
internal sealed partial class MeteringAgent : IAsyncDisposable
{
    /// <summary>Nice value of the thread that reads: about nine times the weight of others in the same cgroup.</summary>
    internal const int Urgent = -10;

    private readonly Func<string, Workload> _recognise;
    private readonly NameTracker _names;
    private readonly AgentOptions _options;
    private readonly IUsageTransport _transport;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly AgentJournal _journal;
    private readonly KernelTree _tree;
    private readonly CgroupMounts? _mounts;
    private readonly ShipLoop _shipping;
    private readonly PassRecorder _recorder;
    private readonly Enforcer _enforcer;
    private volatile string? _forkedEpoch;
    private volatile string? _passTrouble;
    private Task _storing = Task.CompletedTask;
    private bool _clockBack;
    private long? _followAt;

    /// <summary>Opens journal and tree. Throws <see cref="Safety.UserErrorException"/> when either can not be had.</summary>
    public MeteringAgent(AgentOptions options, IUsageTransport transport, TimeProvider clock, ILogger log)
    {
        (_options, _transport, _clock, _log) = (options, transport, clock, log);
        var root = options.CgroupRoot ?? HostMounts().Unified;
        if (!Directory.Exists(root)) throw Safety.UserErrorException.Usage($"There is no directory '{root}'; give the mount point of the cgroup2 tree, or leave Agent:CgroupRoot out to find it.");
        if (!KernelTree.IsTree(root)) throw Safety.UserErrorException.Usage($"'{root}' is no cgroup tree (it has neither cgroup.controllers of cgroup2 nor cpuacct.usage of v1); give the mount point of one, or leave Agent:CgroupRoot out to find it.");
        _recognise = new SplitUnits(new RecentlyRecognised(RulesFile.Recogniser(options.RulesFile).Recognise).Recognise).Recognise;
        _names = new NameTracker(new NameResolver(new LabelChoice(options.Labels), cgroups: root), clock, log);
        _journal = AgentJournal.Open(options.DataDirectory, options.HostId, options.Journal);
        _tree = new KernelTree(root);
        _mounts = MeterSources.MountsOf(_tree);
        var facts = _tree.CpuIsNanoseconds ? HostFacts.Read().OfCpuacct() : HostFacts.Read();
        _recorder = new PassRecorder(_journal, NewMeterer, facts, _tree.RootIsMachine, _recognise, _names);
        _enforcer = new Enforcer(
            _tree.CpuIsNanoseconds ? EnforcementOptions.Off : options.Enforcement, options.HostId, new HeldLimits(options.DataDirectory), new ControlFiles(_tree.MountPoint), _recognise, OwnCgroup.Path, clock, log, () => (long)_journal.NextSequence - 1);
        if (_tree.CpuIsNanoseconds && options.Enforcement.Actions.Count > 0) LogNoEnforcement(log);
        _recorder.Enforcement = _enforcer.Describe;
        _shipping = new ShipLoop(_journal, transport, clock, log, epoch => _forkedEpoch = epoch, command => _enforcer.Take(command));
    }

    public AgentJournal Journal => _journal;

    /// <summary>What the passes met.</summary>
    public PassCounters Counters => _recorder.Meterer.Counters;

    /// <summary>What keeps passes from the journal or batches from the ledger; null when nothing does.</summary>
    public string? Stuck => _passTrouble ?? _shipping.Trouble;

    /// <summary>What is not as it should be: <see cref="Stuck"/>, else how the last pass was degraded; null when all is well.</summary>
    public string? Trouble => Stuck ?? Degraded.Text;

    /// <summary>What the last pass could only do in a worse way; sums are exact all the same.</summary>
    public DegradedStates Degraded => _recorder.Degraded;

    /// <summary>What the service does to workloads here.</summary>
    public Enforcer Enforcer => _enforcer;

    /// <summary>Live cgroups at the last pass.</summary>
    public int Cgroups => _recorder.Meterer.Nodes.Count;

    /// <summary>Meters until cancelled, then stores what is known and stops.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        LogStart(_log, _options.HostId, _journal.Epoch, _tree.MountPoint, _transport.Name);
        if (_recorder.Ended == EpochEnd.Snapshot) LogSnapshot(_log, _journal.Epoch);
        _enforcer.Start();
        var shipping = _shipping.RunAsync(cancel);
        var enforcing = EnforceAsync(cancel);
        var names = Task.Run(() => _names.RunAsync(cancel), CancellationToken.None);
        await using (cancel.Register(_tree.Interrupt))
        {
            // One thread owns the meterer: events are acted upon within microseconds, and a pool thread would have to be found first.
            await Task.Factory.StartNew(() => Meter(cancel), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        await _storing;
        Store();

        await shipping;
        await enforcing;
        _enforcer.ReleaseAll("the agent stops");
        await Task.WhenAny(names, Task.Delay(TimeSpan.FromSeconds(1), _clock, CancellationToken.None)); // it may hang in a file system that does not answer
        _journal.Flush();
    }

    public async ValueTask DisposeAsync()
    {
        await _transport.DisposeAsync();
        _journal.Dispose();
        _enforcer.Dispose();
        _tree.Dispose();
    }

    private async Task EnforceAsync(CancellationToken cancel)
    {
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1), _clock);
        try
        {
            while (await second.WaitForNextTickAsync(cancel)) _enforcer.Tick();
        }
        catch (OperationCanceledException)
        {
            // The agent stops.
        }
    }

    // Told once per step of the clock, not at each pass of the time that it repeats.
    private void TellClock(long nominal)
    {
        var back = _recorder.LastPassMicroseconds is { } last && last > nominal + _options.Interval.Microseconds();
        if (back && !_clockBack) LogClockBack(_log, UnixTime.FromMicroseconds(_recorder.LastPassMicroseconds!.Value));
        _clockBack = back;
    }

    // The last instant of the grid that has come: a pass starts at or after it, never before.
    private long Nominal()
    {
        var interval = _options.Interval.Microseconds();
        return _clock.GetUtcNow().ToUnixMicroseconds() / interval * interval;
    }

    private void Meter(CancellationToken cancel)
    {
        // What this thread uses is little, and what it reads late on a crowded host can only be estimated. Where it is not permitted, it waits as all do.
        Posix.TryBeNice(Urgent);
        long? passed = null;
        while (!cancel.IsCancellationRequested)
        {
            var nominal = Nominal();
            if (nominal != passed) Pass(nominal);
            passed = nominal;
            TellClock(nominal);
            Follow(UnixTime.FromMicroseconds(nominal + _options.Interval.Microseconds()), cancel);
        }
    }

    // Until the next instant: sleeps, and acts on what the tree tells. Acting takes at most a fifth of a processor; what comes meanwhile is then acted upon together.
    // Counted in processor time: on a crowded host the time that this thread waits for a processor would keep it from its work even longer.
    private void Follow(DateTimeOffset until, CancellationToken cancel)
    {
        var owed = TimeSpan.Zero;
        while (!cancel.IsCancellationRequested && until - _clock.GetUtcNow() is var wait && wait > TimeSpan.Zero)
        {
            // The timer counts in whole milliseconds.
            var began = _clock.GetTimestamp();
            if (owed > TimeSpan.FromMilliseconds(5))
            {
                _tree.Rest(owed < wait ? owed : wait);
                owed -= _clock.GetElapsedTime(began);
                continue;
            }

            var due = _followAt is { } at ? TimeSpan.FromMicroseconds(at - Posix.BootMicroseconds()) : wait;
            if (due > TimeSpan.Zero && !_tree.WaitForEvents(due < wait ? due : wait) && _followAt is null) continue;
            owed -= _clock.GetElapsedTime(began);
            if (owed < TimeSpan.Zero) owed = TimeSpan.Zero;
            var used = Posix.ThreadCpuNanoseconds();
            _followAt = _recorder.Meterer.Follow(Posix.BootMicroseconds());
            owed += TimeSpan.FromMicroseconds(4 * (Posix.ThreadCpuNanoseconds() - used) / 1000);
        }
    }

    private void Pass(long nominal)
    {
        // The shipping may tell of the same fork more than once; it ends one epoch once.
        if (_forkedEpoch == _journal.Epoch)
        {
            LogFork(_log, _journal.Epoch);
            _recorder.BeginNewEpoch();
        }

        try
        {
            var (ended, began) = (_recorder.Ended, _recorder.Before);
            _recorder.Read(nominal, Posix.BootMicroseconds());
            _recorder.TryEncode();

            // What was told during the pass is waiting already, and is not to wait for the disk.
            _followAt = 0;
            if (_storing.IsCompleted)
            {
                _storing.GetAwaiter().GetResult();
                _storing = Task.Run(Store, CancellationToken.None);
            }

            foreach (var state in _recorder.Degraded.Begun) LogDegraded(_log, state.Reason, state.Meaning, state.Remedy);
            if (_recorder.Ended != ended && _recorder.Ended == EpochEnd.Snapshot) LogSnapshot(_log, _journal.Epoch);
            if (_recorder.Before is { } before && before != began) LogBeforeMetering(_log, before.CpuMicroseconds / 1_000_000m, before.Cgroups);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Note($"A pass could not be finished: {e.Message.TrimEnd('.')}.");
        }
    }

    // Beside the reading. What can not be stored waits, and is tried again with the next pass.
    private void Store()
    {
        try
        {
            _recorder.Store();
            _shipping.Wake();
            if (_passTrouble is not null) LogPassRecovered(_log);
            _passTrouble = null;
        }
        catch (Exception e) when (e is JournalFullException or IOException or UnauthorizedAccessException)
        {
            Note(e is JournalFullException ? e.Message : $"A pass could not be stored: {e.Message.TrimEnd('.')}.");
        }
    }

    private void Note(string trouble)
    {
        if (_passTrouble != trouble) LogPassTrouble(_log, trouble);
        _passTrouble = trouble;
    }

    // cgroup2 gives CPU unless v1 groups hold processes that cgroup2 does not have at the same path.
    internal static CgroupMounts HostMounts()
    {
        var mounts = CgroupMounts.Read();
        return !mounts.CpuIsV1 && mounts.V1.ContainsKey("cpuacct") && new V1Groups(mounts).CpuIsElsewhere() ? mounts.WithCpuacct() : mounts;
    }

    private Meterer NewMeterer()
    {
        var own = _options.Transport == AgentTransport.InProcess ? DescriptorBudget.Service : DescriptorBudget.Agent;
        var passOptions = new PassOptions(MaxWorkloadsPerParent: _options.MaxWorkloadsPerParent, KeptDescriptors: DescriptorBudget.Others(own), KeptCpuDescriptors: DescriptorBudget.Cpu(own));
        var counters = new PassCounters();
        return new Meterer(_tree, _recognise, passOptions, MeterSources.For(_tree, _mounts, passOptions, counters), counters, new NetworkMeter(_tree, counters), Posix.BootMicroseconds) { Bypassed = new BypassedIo() };
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Metering host {Host} (epoch {Epoch}) from {Tree}, shipping by {Transport}.")]
    private static partial void LogStart(ILogger log, string host, string epoch, string tree, string transport);

    [LoggerMessage(Level = LogLevel.Error, Message = "Another journal has used the numbers of epoch {Epoch} (a restored copy or a cloned machine); a new epoch begins, its first pass is a baseline.")]
    private static partial void LogFork(ILogger log, string epoch);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The clock stands before the last window's end ({LastPass:O}); until it has passed it, what is used is billed at that instant, and nothing twice.")]
    private static partial void LogClockBack(ILogger log, DateTimeOffset lastPass);

    [LoggerMessage(Level = LogLevel.Error, Message = "This machine was put back to an earlier snapshot: its clock since boot stands before the last stored pass. Epoch {Epoch} begins, its first pass is a baseline.")]
    private static partial void LogSnapshot(ILogger log, string epoch);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Metering is degraded ({Reason}): {Meaning}; {Remedy}.")]
    private static partial void LogDegraded(ILogger log, string reason, string meaning, string remedy);

    [LoggerMessage(Level = LogLevel.Information, Message = "CPU used on this host before metering began is not billed: {Seconds:N0} s, of which {Cgroups:N0} cgroups had used their part.")]
    private static partial void LogBeforeMetering(ILogger log, decimal seconds, int cgroups);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Trouble} Baselines stay where they are, the next pass that can be stored carries this usage.")]
    private static partial void LogPassTrouble(ILogger log, string trouble);

    [LoggerMessage(Level = LogLevel.Information, Message = "Passes are stored again.")]
    private static partial void LogPassRecovered(ILogger log);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Enforcement:Actions is set, but the cgroups of this host are of version 1: nothing can be enforced here.")]
    private static partial void LogNoEnforcement(ILogger log);
}
