using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Journal;
using Metering.Agent.Workloads;
using Metering.Messages;
using Metering.Tests.Support;

namespace Metering.Tests.Identity;

/// <summary>A directory of the shape of a cgroup tree with an agent's journal on it, and the three clocks of a host in the test's hand: wall, since boot, and which boot.</summary>
internal sealed class MeteredTree : IDisposable
{
    private readonly string _root = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-identity-" + Path.GetRandomFileName())).FullName;
    private readonly PassOptions _options = new(Io: false, Pids: false);
    private KernelTree _tree = null!;
    private AgentJournal _journal = null!;
    private PassRecorder _recorder = null!;

    public MeteredTree()
    {
        Directory.CreateDirectory(Cgroups);
        File.WriteAllText(Path.Combine(Cgroups, "cgroup.controllers"), "cpu memory\n");
        File.WriteAllText(Path.Combine(Cgroups, "cgroup.type"), "domain\n");
        Set("/", 0, 0);
    }

    /// <summary>Unix microseconds; 2026-11-22T08:59:30Z at first.</summary>
    public long Wall { get; set; } = 1_795_337_970_000_000;

    /// <summary>Microseconds since boot.</summary>
    public long Boot { get; set; } = 5_000_000_000;

    public string BootId { get; set; } = "boot-1";

    public AgentJournal Journal => _journal;

    public PassRecorder Recorder => _recorder;

    public Meterer Meterer => _recorder.Meterer;

    private string Cgroups => Path.Combine(_root, "cgroup");

    /// <summary>All batches of the epoch, in order.</summary>
    public List<UsageBatch> Batches => [.. _journal.Read(1, int.MaxValue).Select(row => UsageBatch.Parser.ParseFrom(row.Batch.Bytes))];

    public static long Start(UsageBatch batch) => Units.UnixTime.ToUnixMicroseconds(batch.WindowStart.ToDateTimeOffset());

    public static long End(UsageBatch batch) => Units.UnixTime.ToUnixMicroseconds(batch.WindowEnd.ToDateTimeOffset());

    public MeteredTree Set(string path, long microseconds, long memory)
    {
        var directory = Directory.CreateDirectory(Cgroups + path).FullName;
        File.WriteAllText(Path.Combine(directory, "cpu.stat"), string.Create(CultureInfo.InvariantCulture, $"usage_usec {microseconds}\nuser_usec 1\nsystem_usec 1\n"));
        File.WriteAllText(Path.Combine(directory, "memory.current"), memory.ToString(CultureInfo.InvariantCulture) + "\n");
        return this;
    }

    /// <summary>Opens the journal and the tree, as a new process does.</summary>
    public MeteredTree Open(Func<string, Workload>? recognise = null)
    {
        recognise ??= Raw;
        Close();
        _tree = new KernelTree(Cgroups) { RootIsMachine = false };
        _journal = AgentJournal.Open(Path.Combine(_root, "data"), "h1", new JournalOptions());
        _recorder = new PassRecorder(_journal, () => new Meterer(_tree, recognise, _options, clock: () => Boot), new HostFacts(BootId, 4, 1 << 30), rootIsMachine: false, recognise, bootClock: () => Boot);
        return this;
    }

    /// <summary>Time goes by on both clocks, then a pass at the last instant of a grid of 10 s.</summary>
    public MeteredTree Pass(long afterMicroseconds = 0)
    {
        (Wall, Boot) = (Wall + afterMicroseconds, Boot + afterMicroseconds);
        _recorder.Pass(Wall / 10_000_000 * 10_000_000);
        return this;
    }

    public ulong Sum(string path, string meter) => Batches.SelectMany(batch => batch.Workloads).Where(record => record.Path == path).SelectMany(record => record.Meters)
        .Where(reading => reading.Meter == meter).Aggregate(0UL, (sum, reading) => sum + reading.Quantity);

    public void Dispose()
    {
        Close();
        Directory.Delete(_root, recursive: true);
    }

    public static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };

    private void Close()
    {
        _recorder?.Meterer.CloseAll();
        _tree?.Dispose();
        _journal?.Dispose();
    }
}
