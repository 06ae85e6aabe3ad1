using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Journal;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Tests.Simulation;
using Metering.Tests.Support;

namespace Metering.Tests.Identity;

/// <summary>A simulated tree, a real agent's journal, a real ledger on SQLite, and its verifier.</summary>
internal sealed class LedgerLine : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-line-" + Path.GetRandomFileName())).FullName;
    private readonly Dictionary<string, ulong> _sent = new(StringComparer.Ordinal);
    private readonly LedgerOptions _options;
    private readonly LedgerStore _store;
    private readonly FakeClock _ahead = new(new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private GroupWriter _writer = null!;
    private AgentJournal _journal = null!;
    private PassRecorder _recorder = null!;

    public LedgerLine(int seed)
    {
        Tree = new FakeTree(new Random(seed)) { Lively = false };
        _options = new LedgerOptions { ConnectionString = "Data Source=" + Path.Combine(_directory, "ledger.db") };
        _store = LedgerStore.Create(_options);
    }

    public FakeTree Tree { get; }

    public long Wall { get; set; } = 1_795_337_970_000_000;

    public long Boot { get; set; } = 5_000_000_000;

    public string BootId { get; set; } = "first-boot";

    public AgentJournal Journal => _journal;

    public async Task OpenAsync()
    {
        await _store.OpenAsync(CancellationToken.None);
        _writer = new GroupWriter(_store, _options, _ahead, []);
        Restart();
    }

    public void Restart()
    {
        _journal?.Dispose();
        Tree.CloseAll();
        _journal = AgentJournal.OpenFile(Path.Combine(_directory, "journal.db"), null, "h1", new JournalOptions());
        _recorder = new PassRecorder(_journal, () => new Meterer(Tree, MeteredTree.Raw, new PassOptions(Memory: false, Pids: false), clock: () => Boot), new HostFacts(BootId, 4, 1 << 30), rootIsMachine: false, MeteredTree.Raw, bootClock: () => Boot);
    }

    public void Pass(long afterMicroseconds)
    {
        (Wall, Boot) = (Wall + afterMicroseconds, Boot + afterMicroseconds);
        Tree.Pass++;
        _recorder.Pass(Wall / 10_000_000 * 10_000_000);
    }

    /// <summary>Sends what the ledger does not have.</summary>
    public async Task ShipAsync()
    {
        var from = _sent.GetValueOrDefault(_journal.Epoch) + 1;
        var group = _journal.Read(from, int.MaxValue).ConvertAll(row =>
        {
            var batch = BatchDecoder.Decode(row.Batch.Bytes, _ahead.GetUtcNow(), out var fault);
            return new GroupItem(new Delivery(row.Batch.Bytes, "simulation", batch.Host), batch, fault, null);
        });
        if (group.Count == 0) return;
        foreach (var answer in await _writer.WriteAsync(group, CancellationToken.None)) Check.That(answer.Result == IngestResult.Committed, $"{answer.Result}: {answer.Reason}");
        _sent[_journal.Epoch] = _journal.NextSequence - 1;
    }

    public async Task<ulong> BilledAsync()
    {
        await using var connection = await _store.OpenReadAsync(CancellationToken.None);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT COALESCE(SUM(cpu_us), 0) FROM usage";
        return (ulong)(long)(await command.ExecuteScalarAsync())!;
    }

    public async Task<VerifySummary> VerifyAsync()
    {
        VerifySummary? summary = null;
        await foreach (var one in new Verifier(_store, _options).RunAsync(CancellationToken.None)) summary = one.Done ?? summary;
        return summary!;
    }

    public async ValueTask DisposeAsync()
    {
        _journal.Dispose();
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
