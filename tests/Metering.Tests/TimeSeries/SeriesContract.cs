using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Metering.Service.TimeSeries;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.Tests.TimeSeries;

/// <summary>The series are the ledger's figures, whatever happens to the server or to us, whatever database the ledger is kept in.</summary>
public abstract partial class SeriesContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);
    private readonly FakeSeriesServer _server = new(1);
    private readonly HurriedClock _clock = new();
    private readonly SeriesState _state = new(TimeProvider.System);
    private LedgerOptions _options = null!;
    private LedgerStore _store = null!;
    private GroupWriter _writer = null!;

    protected abstract Task<string> ConnectionStringAsync();

    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = await ConnectionStringAsync() };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        _writer = Writer();
        await Follower().BeginAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        _server.Dispose();
        await EndAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Points_add_up_to_the_ledger_by_workload_bucket_tenant_and_meter()
    {
        await RulesAsync(new OwnershipRule { Match = new OwnershipMatch { Path = "/a*" }, Tenant = "t a", Project = "p" });
        var series = new BatchSeries("h1", Start.AddMinutes(59));
        for (var i = 0; i < 12; i++) await WriteAsync(series.Next(("/a,\n1", 1_000_001UL + (ulong)i, false), ("/b \\", 7, false)));

        // A window across buckets, and a pass in two batches with the same workload in both.
        var wide = series.Next(("/a,\n1", 999_999_999, false));
        wide.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddHours(3));
        var second = series.Next(("/b \\", 5, true));
        second.WindowStart = wide.WindowStart;
        second.WindowEnd = wide.WindowEnd;
        second.Workloads.Add(new WorkloadUsage { Kind = "raw", Id = "/a,\n1", Name = "/a,\n1", Path = "/a,\n1", Inode = 5, Meters = { new MeterReading { Meter = "memoryPeakBytes", Quantity = 4096 } } });
        await WriteAsync(wide, second);

        await FollowAsync();

        await CheckAsync();
        Assert.Contains(_server.Points.Values, point => point.Tags.GetValueOrDefault("workload") == "/a,␊1" && point.Tags["tenant"] == "t a" && point.Tags["project"] == "p");
        Assert.Contains(_server.Points.Values, point => point.Tags.GetValueOrDefault("id") == "/b ＼" && point.Tags["tenant"] == "unattributed" && !point.Tags.ContainsKey("project"));
        Assert.Equal(14, _server.Points.Values.Count(point => point.Measurement == "metering_host"));
        Assert.False(await Follower().StepAsync(Cancel));
    }

    [Fact]
    public async Task Dying_between_sending_and_noting_sends_again_and_changes_nothing()
    {
        var series = new BatchSeries("h1", Start);
        var random = new Random(3);
        for (var i = 0; i < 40; i++)
        {
            await WriteAsync(series.Next(("/a", (ulong)random.Next(1000), false)));
            if (i % 3 != 0) continue;
            var dying = Follower();
            dying.FaultPoint = _ => throw new InvalidOperationException("killed");
            await Assert.ThrowsAsync<InvalidOperationException>(() => dying.StepAsync(Cancel));
        }

        await FollowAsync();

        await CheckAsync();
        Assert.Equal(40, _server.Points.Values.Count(point => point.Measurement == "metering_usage"));
    }

    [Fact]
    public async Task Batches_that_come_out_of_order_are_not_skipped()
    {
        var series = new BatchSeries("h1", Start);
        var batches = Enumerable.Range(0, 30).Select(i => series.Next(("/a", 10, false))).ToArray();
        new Random(5).Shuffle(batches);

        foreach (var group in batches.Chunk(4))
        {
            await WriteAsync(group);
            await FollowAsync();
        }

        await CheckAsync();
        Assert.Equal(30, _server.Points.Values.Count(point => point.Measurement == "metering_usage"));
        Assert.Equal("", await TextAsync("SELECT holes FROM series_cursor"));
    }

    [Fact]
    public async Task What_comes_out_of_quarantine_is_written_without_being_asked_for()
    {
        var series = new BatchSeries("h1", Start);
        var batches = Enumerable.Range(0, 9).Select(i => BatchSeries.Item(series.Next(("/a", 10, false)))).ToArray();
        GroupItem[] kept = [batches[3], batches[4], batches[7]];
        foreach (var item in batches) await _writer.WriteAsync([kept.Contains(item) ? item with { Fault = "of a newer version" } : item], Cancel);
        await FollowAsync();
        Assert.Equal(6, _server.Points.Values.Count(point => point.Measurement == "metering_usage"));

        foreach (var item in kept) await _writer.WriteAsync([item with { Delivery = item.Delivery with { IsReplay = true } }], Cancel);
        Assert.Equal("4-4,5-5,8-8", await TextAsync("SELECT holes FROM series_cursor"));
        await FollowAsync();

        await CheckAsync();
        Assert.Equal(9, _server.Points.Values.Count(point => point.Measurement == "metering_usage"));
        Assert.Equal("", await TextAsync("SELECT holes FROM series_cursor"));
    }

    [Fact]
    public async Task A_transaction_that_commits_after_a_later_one_is_not_skipped()
    {
        Assert.SkipUnless(_store.IsPostgres, "SQLite has one writer.");
        var (early, late) = (new BatchSeries("early", Start), new BatchSeries("late", Start));
        await WriteAsync(early.Next(("/a", 1, false)), late.Next(("/b", 1, false)));
        var (under, go) = (new TaskCompletionSource(), new ManualResetEventSlim());
        var slow = Writer();
        slow.FaultPoint = point =>
        {
            if (point != "before commit") return;
            under.SetResult();
            go.Wait(Cancel);
        };

        var writing = Task.Run(() => slow.WriteAsync([BatchSeries.Item(early.Next(("/a", 20, false)))], Cancel), Cancel);
        await under.Task;
        await WriteAsync(late.Next(("/b", 300, false)));
        await FollowAsync();
        Assert.Equal(3, _server.Points.Values.Count(point => point.Measurement == "metering_usage"));
        go.Set();
        await writing;
        await FollowAsync();

        await CheckAsync();
        Assert.Equal(4, _server.Points.Values.Count(point => point.Measurement == "metering_usage"));
    }

    [Fact]
    public async Task A_server_that_hangs_delays_no_commit_and_gets_everything_afterwards()
    {
        var series = new BatchSeries("h1", Start);
        await WriteAsync(series.Next(("/a", 1, false)));
        _server.IsSilent = true;
        using var follower = Follower(TimeSpan.FromMilliseconds(300));
        await follower.StartAsync(Cancel);
        await UntilAsync(() => _state.Trouble.Trouble is not null);

        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 100; i++) await WriteAsync(series.Next(("/a", 1, false), ("/b" + i % 7, 2, false)));
        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(20));
        _server.Close();
        await UntilAsync(() => _state.Trouble.Trouble?.Contains("refused") == true);
        for (var i = 0; i < 20; i++) await WriteAsync(series.Next(("/a", 1, false)));
        Assert.Empty(_server.Points);
        Assert.Equal(121, (await Report().ShowAsync(Cancel)).BehindBatches);

        _server.IsSilent = false;
        _server.Open();
        await UntilAsync(() => _server.Points.Count == 121 + 121 + 100);
        await follower.StopAsync(Cancel);

        await CheckAsync();
        Assert.Null(_state.Trouble.Trouble);
    }

    [Fact]
    public async Task What_the_server_refuses_is_parked_once_and_holds_nothing_up()
    {
        var series = new BatchSeries("h1", Start);
        _server.IsBad = line => line.Contains("id=/bad");
        await WriteAsync(series.Next(("/a", 1, false), ("/bad", 2, false), ("/c", 3, false)));
        var dying = Follower();
        dying.FaultPoint = _ => throw new InvalidOperationException("killed");
        await Assert.ThrowsAsync<InvalidOperationException>(() => dying.StepAsync(Cancel));
        await WriteAsync(series.Next(("/a", 1, false), ("/bad", 2, false)));

        await FollowAsync();

        Assert.Equal(5, _server.Points.Count);
        Assert.Equal(2, (await Report().ShowAsync(Cancel)).Parked);
        Assert.Contains("/bad", await TextAsync("SELECT line FROM series_parked ORDER BY id"));

        // Put right, the span is written again.
        _server.IsBad = _ => false;
        Assert.Equal(2, (await RebuildAsync(0, long.MaxValue)).Batches);
        await CheckAsync();
    }

    [Fact]
    public async Task A_rebuild_writes_the_same_points_and_a_span_only_its_windows()
    {
        var (one, two) = (new BatchSeries("h1", Start), new BatchSeries("h2", Start));
        for (var i = 0; i < 50; i++) await WriteAsync(one.Next(("/a", 5, false)), two.Next(("/a", 6, false)));
        await FollowAsync();
        var before = _server.Points.Keys.Order().ToArray();

        var done = await RebuildAsync(0, long.MaxValue);
        Assert.Equal((100L, 100L, 200L, 0L, true), (done.Batches, done.Total, done.Points, done.Expired, done.Done));
        Assert.Equal(before, _server.Points.Keys.Order());

        _server.Points.Clear();
        Assert.Equal(20, (await RebuildAsync(Micros(Start.AddSeconds(100)), Micros(Start.AddSeconds(200)))).Batches);
        Assert.Equal(before.Where(point => point.Time / 1000 >= Micros(Start.AddSeconds(100)) && point.Time / 1000 < Micros(Start.AddSeconds(200))), _server.Points.Keys.Order());

        await SqlAsync("DELETE FROM batch WHERE sequence <= 10");
        done = await RebuildAsync(0, long.MaxValue);
        Assert.Equal((100L, 160L, 20L), (done.Batches, done.Points, done.Expired));
    }

    [Fact]
    public async Task A_ledger_that_was_there_before_is_written_when_it_is_asked_for()
    {
        await SqlAsync("DELETE FROM meta WHERE key = 'series_since'");
        var series = new BatchSeries("h1", Start);
        for (var i = 0; i < 5; i++) await WriteAsync(series.Next(("/a", 5, false)));
        await Follower().BeginAsync(Cancel);
        await WriteAsync(series.Next(("/a", 5, false)));

        await FollowAsync();
        Assert.Equal(2, _server.Points.Count);
        await RebuildAsync(0, long.MaxValue);

        await CheckAsync();
    }

    [Fact]
    public async Task Several_services_write_what_one_would()
    {
        var series = Enumerable.Range(0, 6).Select(i => new BatchSeries("h" + i, Start)).ToArray();
        for (var round = 0; round < 5; round++)
        {
            foreach (var one in series) await WriteAsync(one.Next(("/a", 5, false)), one.Next(("/a", 7, false)));
            await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => Follower().StepAsync(Cancel), Cancel)));
        }

        await FollowAsync();

        await CheckAsync();
        Assert.Equal(120, _server.Points.Count);
    }
}
