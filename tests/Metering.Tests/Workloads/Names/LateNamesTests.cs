using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Journal;
using Metering.Agent.Workloads;
using Metering.Agent.Workloads.Names;
using Metering.Messages;
using Metering.Tests.Simulation;
using Metering.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Workloads.Names;

/// <summary>From a runtime's file to the batch: passes over a directory of the shape of cgroup2, a journal, and names that come when they come.</summary>
public sealed class LateNamesTests : IDisposable
{
    private const string A = "4a1e0b6f0d1c2b3a49586776859403122130eeddccbbaa998877665544332211";
    private readonly RuntimeTree _machine = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-late-").FullName;
    private readonly FakeClock _clock = new(new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero));
    private readonly WorkloadRecogniser _recogniser = new();
    private AgentJournal _journal = null!;
    private KernelTree _tree = null!;
    private PassRecorder _recorder = null!;
    private NameTracker _names = null!;
    private long _pass = 1_800_000_000_000_000;

    public LateNamesTests()
    {
        Use("", 1000);
        File.WriteAllText(Path.Combine(_directory, "cgroup.type"), "domain\n");
        Use("/docker", 1000);
        Start();
    }

    public void Dispose()
    {
        Stop();
        _machine.Dispose();
        Directory.Delete(_directory, recursive: true);
        Directory.Delete(_directory + "-journal", recursive: true);
    }

    [Fact]
    public void A_name_that_comes_later_is_told_although_nothing_is_used()
    {
        Use($"/docker/{A}", 500);
        Assert.Equal("4a1e0b6f0d1c", Named(Pass()));
        Assert.Null(Record(Pass()));

        Write("shop", "red");
        _clock.Advance(TimeSpan.FromHours(1));

        Assert.Null(Record(Pass()));
        var told = Record(Pass())!;
        Assert.Equal(("shop", "red"), (told.Name, told.Labels["team"]));
        Assert.All(told.Meters.Where(meter => meter.Meter.StartsWith("cpu", StringComparison.Ordinal)), meter => Assert.Equal(0UL, meter.Quantity));
        Assert.Null(Record(Pass()));
    }

    [Fact]
    public void A_restarted_agent_keeps_the_name_also_when_the_file_is_gone()
    {
        Write("shop", "red");
        Use($"/docker/{A}", 500);
        Pass();
        Assert.Equal("shop", Named(Pass()));
        File.Delete(File_);
        Stop();

        Start();
        Use($"/docker/{A}", 900);
        var record = Record(Pass())!;

        Assert.Equal(("shop", "red"), (record.Name, record.Labels["team"]));
        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Null(Record(Pass()));
    }

    [Fact]
    public void A_rename_is_told()
    {
        Write("shop", "red");
        Use($"/docker/{A}", 500);
        Pass();
        Assert.Equal("shop", Named(Pass()));

        Write("shop-old", "blue!");
        _clock.Advance(TimeSpan.FromMinutes(6));
        Pass();

        Assert.Equal("shop-old", Named(Pass()));
    }

    [Fact]
    public void A_container_that_ended_before_its_name_came_is_told_once_without_usage()
    {
        Stop();
        var tree = new FakeTree(new Random(1)) { Lively = false };
        _journal = AgentJournal.Open(_directory + "-journal", "h1", new JournalOptions());
        Workload Recognise(string path) => _recogniser.Recognise(path == "/" ? path : "/docker/" + A);
        _recorder = new PassRecorder(_journal, () => new Meterer(tree, Recognise, new PassOptions(Memory: false, Io: false, Pids: false)), new HostFacts("boot", 1, 1), rootIsMachine: false, Recognise, _names);
        Pass();
        tree.Bear(tree.Root);
        tree.Root.Children[^1].Use(500_000, 0);
        Pass();
        foreach (var child in tree.Root.Children.ToArray()) tree.Kill(child);
        Assert.True(Record(Pass())!.Final);

        Write("shop", "red");
        _clock.Advance(TimeSpan.FromMinutes(10));
        Pass();
        var told = Record(Pass())!;

        Assert.Equal(("shop", true, 0), (told.Name, told.Final, told.Meters.Count));
        Assert.Null(Record(Pass()));
    }

    [Fact]
    public void A_million_names_cost_no_more_than_the_bound()
    {
        var tracker = new NameTracker(new NameResolver(new LabelChoice(), _machine.Root), _clock, NullLogger.Instance, maxTracked: 1000);
        using var tree = new KernelTree(_directory);
        var meterer = new Meterer(tree, _recogniser.Recognise, new PassOptions(Memory: false, Io: false, Pids: false, MaxWorkloadsPerParent: 1000));
        meterer.Run(_pass);
        for (var i = 0; i < 3000; i++) Use("/docker/" + i.ToString("x64", CultureInfo.InvariantCulture), 5);
        meterer.Run(_pass + 10_000_000);
        tracker.Follow(meterer);
        for (var i = 0; i < 10; i++) tracker.Step();

        Assert.InRange(meterer.Nodes.Count, 1000, 1003);
        Assert.InRange(tracker.Count, 900, 1000);
        meterer.CloseAll();
    }

    private string File_ => _machine.Root + $"/var/lib/docker/containers/{A}/config.v2.json";

    private void Write(string name, string team) =>
        _machine.Write($"/var/lib/docker/containers/{A}/config.v2.json", $$"""{"Name":"/{{name}}","Config":{"Labels":{"team":"{{team}}"} } }""");

    private void Use(string path, long microseconds)
    {
        Directory.CreateDirectory(_directory + path);
        File.WriteAllText(_directory + path + "/cpu.stat", string.Create(CultureInfo.InvariantCulture, $"usage_usec {microseconds}\nuser_usec 1\nsystem_usec 1\n"));
    }

    private void Start()
    {
        _journal = AgentJournal.Open(_directory + "-journal", "h1", new JournalOptions());
        _tree = new KernelTree(_directory);
        _names = new NameTracker(new NameResolver(new LabelChoice(), _machine.Root), _clock, NullLogger.Instance);
        _recorder = new PassRecorder(
            _journal, () => new Meterer(_tree, _recogniser.Recognise, new PassOptions(Memory: false, Io: false, Pids: false, Prune: false, SlowEvery: 1)), new HostFacts("boot", 1, 1), rootIsMachine: false, _recogniser.Recognise, _names);
    }

    private void Stop()
    {
        _recorder.Meterer.CloseAll();
        _tree.Dispose();
        _journal.Dispose();
    }

    // A pass, what the names' thread does meanwhile, and the batches of the pass.
    private List<UsageBatch> Pass()
    {
        var from = _journal.NextSequence;
        _recorder.Pass(_pass += 10_000_000);
        _names.Step();
        return _journal.Read(from, 100).ConvertAll(row => UsageBatch.Parser.ParseFrom(row.Batch.Bytes));
    }

    private static WorkloadUsage? Record(List<UsageBatch> batches) => batches.SelectMany(batch => batch.Workloads).SingleOrDefault(usage => usage.Id == A);

    private static string? Named(List<UsageBatch> batches) => Record(batches)?.Name;
}
