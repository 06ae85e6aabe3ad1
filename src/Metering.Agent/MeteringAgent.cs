using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
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
    private readonly WorkloadRecogniser _recogniser;
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
    private volatile string? _forkedEpoch;
    private string? _passTrouble;

    /// <summary>Opens journal and tree. Throws <see cref="Safety.UserErrorException"/> when either can not be had.</summary>
    public MeteringAgent(AgentOptions options, IUsageTransport transport, TimeProvider clock, ILogger log)
    {
        (_options, _transport, _clock, _log) = (options, transport, clock, log);
        var root = options.CgroupRoot ?? HostMounts().Unified;
        if (!Directory.Exists(root)) throw Safety.UserErrorException.Usage($"There is no directory '{root}'; give the mount point of the cgroup2 tree, or leave Agent:CgroupRoot out to find it.");
        _recogniser = RulesFile.Recogniser(options.RulesFile);
        _names = new NameTracker(new NameResolver(new LabelChoice(options.Labels), cgroups: root), clock, log);
        _journal = AgentJournal.Open(options.DataDirectory, options.HostId, options.Journal);
        _tree = new KernelTree(root);
        _mounts = MeterSources.MountsOf(_tree);
        var facts = _tree.CpuIsNanoseconds ? HostFacts.Read().OfCpuacct() : HostFacts.Read();
        _recorder = new PassRecorder(_journal, NewMeterer, facts, _tree.RootIsMachine, _recogniser.Recognise, _names);
        _shipping = new ShipLoop(_journal, transport, clock, log, epoch => _forkedEpoch = epoch);
    }

    public AgentJournal Journal => _journal;

    /// <summary>What the passes met.</summary>
    public PassCounters Counters => _recorder.Meterer.Counters;

    /// <summary>What keeps batches from the ledger; null when nothing does.</summary>
    public string? Trouble => _passTrouble ?? _shipping.Trouble;

    /// <summary>Live cgroups at the last pass.</summary>
    public int Cgroups => _recorder.Meterer.Nodes.Count;

    /// <summary>Meters until cancelled, then stores what is known and stops.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        LogStart(_log, _options.HostId, _journal.Epoch, _tree.MountPoint, _transport.Name);
        var shipping = _shipping.RunAsync(cancel);
        var names = Task.Run(() => _names.RunAsync(cancel), CancellationToken.None);
        try
        {
            while (!cancel.IsCancellationRequested)
            {
                var nominal = Nominal();
                if (_journal.LastPassMicroseconds is not { } last || nominal > last) Pass(nominal);
                if (_journal.LastPassMicroseconds is { } ahead && ahead > nominal + _options.Interval.Microseconds()) LogClockBack(_log, UnixTime.FromMicroseconds(ahead));
                await Task.Delay(UntilNext(nominal), _clock, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The usual way to stop.
        }

        await shipping;
        await Task.WhenAny(names, Task.Delay(TimeSpan.FromSeconds(1), _clock, CancellationToken.None)); // it may hang in a file system that does not answer
        _journal.Flush();
    }

    public async ValueTask DisposeAsync()
    {
        await _transport.DisposeAsync();
        _journal.Dispose();
        _tree.Dispose();
    }

    // The last instant of the grid that has come: a pass starts at or after it, never before.
    private long Nominal()
    {
        var interval = _options.Interval.Microseconds();
        return _clock.GetUtcNow().ToUnixMicroseconds() / interval * interval;
    }

    private TimeSpan UntilNext(long nominal)
    {
        var wait = UnixTime.FromMicroseconds(nominal + _options.Interval.Microseconds()) - _clock.GetUtcNow();

        // The timer counts in whole milliseconds and may be a little early; the loop then finds the old instant and waits again.
        return wait < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : wait + TimeSpan.FromMilliseconds(1);
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
            _recorder.Pass(nominal);
            _shipping.Wake();
            if (_passTrouble is not null) LogPassRecovered(_log);
            _passTrouble = null;
        }
        catch (JournalFullException e)
        {
            if (_passTrouble != e.Message) LogPassTrouble(_log, e.Message);
            _passTrouble = e.Message;
        }
    }

    // cgroup2 gives CPU unless v1 groups hold processes that cgroup2 does not have at the same path.
    private static CgroupMounts HostMounts()
    {
        var mounts = CgroupMounts.Read();
        return !mounts.CpuIsV1 && mounts.V1.ContainsKey("cpuacct") && new V1Groups(mounts).CpuIsElsewhere() ? mounts.WithCpuacct() : mounts;
    }

    private Meterer NewMeterer()
    {
        var passOptions = new PassOptions(MaxWorkloadsPerParent: _options.MaxWorkloadsPerParent, KeptDescriptors: DescriptorBudget.Others());
        var counters = new PassCounters();
        return new Meterer(_tree, _recogniser.Recognise, passOptions, MeterSources.For(_tree, _mounts, passOptions, counters), counters, new NetworkMeter(_tree, counters), Posix.BootMicroseconds);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Metering host {Host} (epoch {Epoch}) from {Tree}, shipping by {Transport}.")]
    private static partial void LogStart(ILogger log, string host, string epoch, string tree, string transport);

    [LoggerMessage(Level = LogLevel.Error, Message = "Another journal has used the numbers of epoch {Epoch} (a restored copy or a cloned machine); a new epoch begins, its first pass is a baseline.")]
    private static partial void LogFork(ILogger log, string epoch);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The clock stands before the last pass ({LastPass:O}); metering goes on when it has passed it, nothing is lost meanwhile.")]
    private static partial void LogClockBack(ILogger log, DateTimeOffset lastPass);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Trouble} Baselines stay where they are, the next pass that can be stored carries this usage.")]
    private static partial void LogPassTrouble(ILogger log, string trouble);

    [LoggerMessage(Level = LogLevel.Information, Message = "The journal can be written again.")]
    private static partial void LogPassRecovered(ILogger log);
}
