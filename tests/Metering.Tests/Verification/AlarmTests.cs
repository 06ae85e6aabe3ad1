using Metering.Messages;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Verification;

/// <summary>What must not happen is counted each time and told once.</summary>
public sealed class AlarmTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-alarms-" + Path.GetRandomFileName())).FullName;
    private readonly FakeClock _clock = new(Start);
    private readonly RecordingLog<HostAlarms> _log = new();
    private readonly BatchSeries _host = new("h1", Start);
    private LedgerOptions _options = null!;
    private LedgerStore _store = null!;
    private GroupWriter _writer = null!;
    private HostAlarms _alarms = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(_directory, "ledger.db")}" };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        _writer = new GroupWriter(_store, _options, TimeProvider.System, []);
        _alarms = new HostAlarms(_clock, _log);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_chain_break_is_an_alarm_as_soon_as_it_is_committed()
    {
        var watch = new ChainWatch(_store, _options, _alarms, TimeProvider.System, NullLogger<ChainWatch>.Instance);
        await SendAsync(_host.Next(("/a", 5, false)));
        await watch.FollowAsync(Cancel);
        await SendAsync(_host.Next(("/a", 7, false)), _host.Next(("/a", 7, false)));
        await watch.FollowAsync(Cancel);
        Assert.Equal(0, _alarms.Count("h1", AlarmKind.Chain));

        _host.Rebase("/a", 3);
        await SendAsync(_host.Next(("/a", 7, false)));
        await watch.FollowAsync(Cancel);
        await watch.FollowAsync(Cancel);

        Assert.Equal(1, _alarms.Count("h1", AlarmKind.Chain));
        Assert.Contains("starts at 3, the record before ended at 19", Assert.Single(_log.Lines).Text);
    }

    [Fact]
    public async Task A_broken_sandwich_and_a_wrong_quantity_are_told_once_and_counted_always()
    {
        for (var i = 0; i < 3; i++)
        {
            var batch = _host.Next(("/p/c", 100, false));
            batch.Parents[0].Below -= 50;
            batch.Workloads[0].Meters[0].Quantity = 1;
            await SendAsync(batch);
        }

        Assert.Equal((3, 3), (_alarms.Count("h1", AlarmKind.Conservation), _alarms.Count("h1", AlarmKind.Reading)));
        Assert.Equal([LogLevel.Error, LogLevel.Error], _log.Lines.Select(line => line.Level));
        Assert.All(_log.Lines, line => Assert.StartsWith("Host h1: ", line.Text));
    }

    [Fact]
    public async Task Forks_and_quarantine_are_told_apart()
    {
        var batch = _host.Next(("/a", 5, false));
        var fork = batch.Clone();
        fork.Workloads[0].Meters[0].Quantity = 6;
        var newer = _host.Next(("/a", 5, false));
        newer.Schema = 7;

        await SendAsync(batch);
        await SendAsync(fork, newer, batch);

        Assert.Equal((1, 1, 0), (_alarms.Count("h1", AlarmKind.Fork), _alarms.Count("h1", AlarmKind.Quarantined), _alarms.Count("h1", AlarmKind.Refused)));
        Assert.Equal(2, _log.Lines.Count);
    }

    [Fact]
    public async Task A_gap_is_told_when_it_lasts()
    {
        await SendAsync(_host.Next());
        var missing = _host.Next();
        await SendAsync(_host.Next());
        await SendAsync(missing, _host.Next());
        Assert.Empty(_log.Lines);

        missing = _host.Next();
        await SendAsync(_host.Next());
        _clock.Advance(TimeSpan.FromMinutes(2));
        await SendAsync(_host.Next());
        await SendAsync(_host.Next());

        Assert.Equal(1, _alarms.Count("h1", AlarmKind.Gap));
        Assert.Contains("batch 5 of epoch epoch-h1 is missing", Assert.Single(_log.Lines).Text);
    }

    [Fact]
    public void Hosts_that_name_themselves_without_end_cost_a_bounded_number_of_lines()
    {
        for (var i = 0; i < 20_000; i++) _alarms.Raise("h" + i, AlarmKind.Refused, 1, "identity");
        _alarms.Raise("no host \n id", AlarmKind.Refused, 1, "identity");

        Assert.Equal(10_001, _log.Lines.Count);
        Assert.Equal(10_001, _alarms.Count("(others)", AlarmKind.Refused));
    }

    private async Task SendAsync(params UsageBatch[] batches)
    {
        var items = batches.Select(BatchSeries.Item).ToList();
        var answers = await _writer.WriteAsync(items, Cancel);
        for (var i = 0; i < answers.Length; i++) _alarms.See(items[i].Batch, answers[i]);
    }
}
