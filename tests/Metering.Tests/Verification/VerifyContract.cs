using System.Diagnostics.Metrics;
using Metering.Messages;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Xunit;

namespace Metering.Tests.Verification;

/// <summary>Breaks each rule of the ledger in turn; <c>verify</c> must name table and key, whatever database it is kept in.</summary>
public abstract class VerifyContract : IAsyncLifetime
{
    // 8:59:25: the fourth pass is cut by the hour.
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 59, 25, TimeSpan.Zero);
    private readonly BatchSeries _host = new("h1", Start);
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
        _writer = new GroupWriter(_store, _options, TimeProvider.System, []);
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        await EndAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_ledger_that_adds_up_is_found_to()
    {
        await HonestAsync();
        var other = new BatchSeries("h2", Start.AddHours(5));
        await WriteAsync(other.Next(("/a", 5, false)), other.Next(("/a", 5, true)));

        var (summary, notes) = await VerifyAsync();

        Assert.True(summary.Ok, summary.First?.ToString());
        Assert.Equal((8L, 5L), (summary.Batches, summary.Rows));
        Assert.Empty(notes);
    }

    [Fact]
    public async Task Buckets_that_became_fine_are_recomputed_by_their_length()
    {
        var host = new BatchSeries("h3", Start, seconds: 600);
        await WriteAsync(host.Next(("/a", 1_000_003, false)));
        var grain = await _store.WriteAsync(transaction => LedgerGrain.RefineAsync(transaction, _options, [], LedgerGrain.Fine, Start), Cancel);
        for (var i = 0; i < 12; i++) await WriteAsync(host.Next(("/a", 1_000_003, false)));

        // The first window crosses the hour, those from 10:00 on quarters of it.
        Assert.Equal(new DateTimeOffset(2026, 11, 22, 10, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds(), grain.FineFrom);
        var (summary, _) = await VerifyAsync();
        Assert.True(summary.Ok, summary.First?.ToString());
        Assert.Equal(7, summary.Rows);

        await SqlAsync($"UPDATE usage SET cpu_us = cpu_us + 1 WHERE bucket = {grain.FineFrom + 900}");
        await FirstIsAsync("usage", $"bucket={grain.FineFrom + 900} workload=");
    }

    [Fact]
    public async Task A_dropped_batch_is_named()
    {
        await HonestAsync();
        await SqlAsync("DELETE FROM batch WHERE sequence = 3");

        await FirstIsAsync("batch", "host=h1 epoch=epoch-h1 sequence=3");
    }

    [Fact]
    public async Task A_dropped_receipt_is_named()
    {
        await HonestAsync();
        await SqlAsync("DELETE FROM receipt WHERE sequence = 3");

        await FirstIsAsync("receipt", "host=h1 epoch=epoch-h1 sequence=3");
    }

    [Fact]
    public async Task Changed_bytes_are_named()
    {
        await HonestAsync();
        await SqlAsync(_store.IsPostgres ? "UPDATE batch SET bytes = set_byte(bytes, 5, 1) WHERE sequence = 2" : "UPDATE batch SET bytes = CAST(bytes || x'00' AS BLOB) WHERE sequence = 2");

        await FirstIsAsync("batch", "host=h1 epoch=epoch-h1 sequence=2");
    }

    [Fact]
    public async Task Doubled_usage_is_named()
    {
        await HonestAsync();
        await SqlAsync("UPDATE usage SET cpu_us = cpu_us * 2 WHERE workload = (SELECT id FROM workload WHERE key = '/a')");

        await FirstIsAsync("usage", "(h1 raw /a)");
    }

    [Theory]
    [InlineData("UPDATE usage SET cpu_us = cpu_us + 1 WHERE workload = (SELECT id FROM workload WHERE key = '/a') AND bucket = 1795334400", "usage", "bucket=1795334400 workload=")]
    [InlineData("UPDATE usage SET oom_kills = 0", "usage", "bucket=")]
    [InlineData("UPDATE usage SET estimated_us = 0 WHERE estimated_us > 0", "usage", "bucket=")]
    [InlineData("UPDATE usage SET unscraped_us = cpu_us + 1", "usage", "bucket=")]
    [InlineData("DELETE FROM usage WHERE bucket = (SELECT MAX(bucket) FROM usage)", "usage", "h1 raw /")]
    [InlineData("UPDATE coverage SET covered_us = covered_us - 1", "coverage", "host=h1")]
    [InlineData("INSERT INTO usage (bucket, workload, cpu_us, estimated_us) VALUES (3600, 1, 5, 0)", "usage", "bucket=3600")]
    [InlineData("UPDATE agent SET last_window_end = last_window_end + 1", "agent", "host=h1 epoch=epoch-h1")]
    [InlineData("UPDATE workload SET path = '/elsewhere' WHERE key = '/a'", "workload", "h1 raw /a")]
    [InlineData("INSERT INTO usage (bucket, workload, cpu_us, estimated_us) SELECT MIN(bucket), 999, 5, 0 FROM usage", "usage", "workload=999")]
    public async Task A_changed_row_is_named(string sql, string table, string key)
    {
        await HonestAsync();
        await SqlAsync(sql);

        await FirstIsAsync(table, key);
    }

    [Fact]
    public async Task A_batch_that_is_billed_twice_is_named()
    {
        var doubled = new GroupWriter(_store, _options, TimeProvider.System, [], Safety.SafetyRule.All & ~Safety.SafetyRule.ReceiptTakesEffectOnce);
        var batch = BatchSeries.Item(_host.Next(("/a", 100, false)));
        await doubled.WriteAsync([batch], Cancel);
        await doubled.WriteAsync([batch], Cancel);

        await FirstIsAsync("usage", "(h1 raw /a)");
    }

    [Fact]
    public async Task A_reset_baseline_is_a_chain_break()
    {
        await WriteAsync(_host.Next(("/a", 100, false)));
        _host.Rebase("/a", 0);
        await WriteAsync(_host.Next(("/a", 100, false)));

        await FirstIsAsync("batch", $"host=h1 epoch=epoch-h1 sequence=2 workload=/a inode={BatchSeries.Inode("/a")}");
    }

    [Fact]
    public async Task A_quantity_that_is_no_difference_of_readings_is_named()
    {
        var batch = _host.Next(("/a", 100, false));
        batch.Workloads[0].Meters[0].Quantity = 200;
        await WriteAsync(batch);

        await FirstIsAsync("batch", "workload=/a");
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(5)]
    public async Task A_skipped_child_breaks_the_sandwich(int off)
    {
        var batch = _host.Next(("/p/c", 1000, false));
        batch.Parents[0].Below = (ulong)(1000 + off);
        await WriteAsync(batch);

        await FirstIsAsync("batch", "sequence=1 parent=/p inode=7");
    }

    [Fact]
    public async Task What_was_in_quarantine_is_billed_once_when_it_is_replayed_and_its_clock_was_never_believed()
    {
        var (good, later) = (_host.Next(("/a", 5, false)), _host.Next(("/a", 5, false)));
        later.WindowStart = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(Start.AddYears(11).AddSeconds(-10));
        later.WindowEnd = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(Start.AddYears(11));
        await WriteAsync(good);
        await WriteAsync(later);
        Assert.Equal(Start.AddSeconds(10), await WatermarkAsync());

        // The service has been upgraded, or its clock has come to it: decoded without a fault.
        var item = BatchSeries.Item(later);
        Assert.NotNull(item.Fault);
        var replay = new GroupItem(item.Delivery with { IsReplay = true }, item.Batch, null, null);
        Assert.Equal([IngestResult.Committed], (await _writer.WriteAsync([replay], Cancel)).Select(answer => answer.Result));
        Assert.Equal([IngestResult.Duplicate], (await _writer.WriteAsync([replay], Cancel)).Select(answer => answer.Result));

        Assert.Equal(Start.AddYears(11), await WatermarkAsync());
        var (summary, notes) = await VerifyAsync();
        Assert.Equal(2, summary.Batches);
        Assert.Empty(notes);
    }

    private async Task<DateTimeOffset> WatermarkAsync()
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = VerifyRun.Command(connection, "SELECT MAX(last_window_end) FROM agent");
        return Units.UnixTime.FromMicroseconds((long)(await command.ExecuteScalarAsync(Cancel))!);
    }

    [Fact]
    public async Task What_is_in_quarantine_is_told_and_must_be_what_came()
    {
        var newer = _host.Next(("/a", 1, false));
        newer.Schema = 9;
        await WriteAsync(newer, _host.Next(("/a", 1, false)));

        var (summary, notes) = await VerifyAsync();
        Assert.True(summary.Ok, summary.First?.ToString());
        Assert.Contains(notes, note => note.Contains("h1 sequence 1: schema is 9", StringComparison.Ordinal));

        await SqlAsync("DELETE FROM quarantine");
        await FirstIsAsync("quarantine", "host=h1 epoch=epoch-h1 sequence=1");
    }

    [Fact]
    public async Task It_may_run_while_batches_come_in()
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var writing = Task.Run(async () =>
        {
            while (!end.IsCancellationRequested) await WriteAsync(_host.Next(("/a", 3, false), ("/b", 4, false)));
        }, Cancel);
        for (var i = 0; i < 5; i++)
        {
            var (summary, _) = await VerifyAsync();
            Assert.True(summary.Ok, summary.First?.ToString());
        }

        await end.CancelAsync();
        await writing;
    }

    // Six passes over an hour's bound, a toggled counter and an instance that ends.
    [Fact]
    public async Task An_epoch_may_begin_while_it_runs()
    {
        await HonestAsync();
        var anew = _host.Next(("/p/c", 1_000_000, false));
        (anew.AgentEpoch, anew.BootId, anew.FirstSequence, anew.Sequence) = ("epoch-anew", "boot-anew", 1, 1);
        VerifySummary? summary = null;
        await foreach (var one in new Verifier(_store, _options).RunAsync(Cancel))
        {
            if (summary is null && anew.Sequence == 1 && one.Check == "receipts")
            {
                await WriteAsync(anew);
                anew.Sequence = 2;
            }

            summary = one.Done ?? summary;
            Assert.True(one.Discrepancy is null, $"{one.Discrepancy}");
        }

        Assert.True(summary is { Ok: true } && anew.Sequence == 2);
    }

    private protected async Task HonestAsync()
    {
        for (var i = 0; i < 5; i++) await WriteAsync(_host.Next(("/a", 1_234_567, false), ("/p/c", 999, false)));
        var toggled = _host.Next(("/a", 10, false), ("/p/c", 1, true));
        (toggled.Workloads[0].Meters[0].Start, toggled.Workloads[0].Meters[0].End, toggled.Workloads[0].Meters[0].Generation) = (0, 10, 1);
        toggled.Workloads[0].Meters.Add(new MeterReading { Meter = "pidsPeak", Quantity = 3, End = 3, Availability = Availability.Exact });
        await WriteAsync(toggled);
    }

    private Task WriteAsync(params UsageBatch[] batches) => _writer.WriteAsync([.. batches.Select(BatchSeries.Item)], Cancel);

    private protected Task SqlAsync(string sql) => _store.WriteAsync(transaction => transaction.ExecuteAsync(sql), Cancel);

    private protected async Task FirstIsAsync(string table, string key)
    {
        var counted = 0L;
        using var listener = new MeterListener { InstrumentPublished = (instrument, on) => { if (instrument.Name == "metering_verify_discrepancies") on.EnableMeasurementEvents(instrument); } };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => { if (tags[0].Value as string == table) Interlocked.Add(ref counted, value); });
        listener.Start();

        var (summary, _) = await VerifyAsync();

        Assert.False(summary.Ok);
        Assert.Equal(table, summary.First!.Table);
        Assert.Contains(key, summary.First.Key);
        Assert.True(Interlocked.Read(ref counted) > 0);
    }

    private async Task<(VerifySummary Summary, List<string> Notes)> VerifyAsync()
    {
        var notes = new List<string>();
        VerifySummary? summary = null;
        await foreach (var one in new Verifier(_store, _options).RunAsync(Cancel))
        {
            if (one.Note is { } note) notes.Add(note);
            summary = one.Done ?? summary;
        }

        return (summary!, notes);
    }
}
