using Metering.Messages;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Reports;
using Metering.Tests.Support;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>What a scraper with an interval of 15 s would have missed.</summary>
public sealed class UnscrapedTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-unscraped-" + Path.GetRandomFileName())).FullName;
    private LedgerOptions _options = null!;
    private LedgerStore _store = null!;
    private GroupWriter _writer = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(_directory, "ledger.db")}" };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        _writer = new GroupWriter(_store, _options, TimeProvider.System, []);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task All_of_an_instance_that_lived_between_two_scrapes_is_counted()
    {
        var host = new BatchSeries("h", Start);
        await WriteAsync(Baseline(host, ("/old", 50)));
        await WriteAsync(host.Next(("/old", 1_000, false), ("/short", 300, true)));

        Assert.Equal((0.001300m, 0.000300m), await FiguresAsync());
    }

    [Fact]
    public async Task Of_a_longer_life_only_the_first_fifteen_seconds_and_the_end_are_counted()
    {
        var host = new BatchSeries("h", Start, seconds: 5);
        await WriteAsync(Baseline(host));
        await WriteAsync(host.Next(("/a", 1, false)), host.Next(("/a", 20, false)));
        await WriteAsync(host.Next(("/a", 300, false)));
        await WriteAsync(host.Next(("/a", 4_000, false)), host.Next(("/a", 50_000, false)), host.Next(("/a", 600_000, true)));

        // Windows that end 5, 10 and 15 s after the birth, and the last one.
        Assert.Equal((0.654321m, 0.600321m), await FiguresAsync());
    }

    [Fact]
    public async Task An_instance_of_the_first_pass_or_with_a_baseline_is_no_newborn()
    {
        var host = new BatchSeries("h", Start);
        host.Rebase("/based", 77);
        await WriteAsync(Baseline(host, ("/idle", 0)));
        await WriteAsync(host.Next(("/idle", 500, false), ("/based", 600, false)));

        Assert.Equal((0.0011m, 0m), await FiguresAsync());
    }

    [Fact]
    public async Task A_window_longer_than_a_scrape_interval_proves_nothing()
    {
        var host = new BatchSeries("h", Start, seconds: 60);
        await WriteAsync(Baseline(host));
        await WriteAsync(host.Next(("/a", 500, false), ("/b", 600, true)));

        Assert.Equal((0.0011m, 0m), await FiguresAsync());
    }

    [Fact]
    public async Task It_is_split_with_its_window_and_told_per_tenant()
    {
        var host = new BatchSeries("h", Start.AddSeconds(-15));
        await WriteAsync(host.Next(("/x", 0, false)), host.Next(("/short", 1_000, true)));

        var page = await ReportAsync("hour", "tenant");

        Assert.Equal([0.0005m, 0.0005m], page.Rows.Where(row => row.UnscrapedCpuSeconds > 0).Select(row => row.UnscrapedCpuSeconds));
        Assert.All(page.Rows, row => Assert.Equal(("unattributed", 1m), (row.Key["tenant"], row.UnscrapedShare)));
    }

    // The first pass of an epoch: no time has passed, counters begin where they are.
    private static UsageBatch Baseline(BatchSeries host, params (string Path, ulong At)[] found)
    {
        foreach (var (path, at) in found) host.Rebase(path, at);
        var batch = host.Next([.. found.Select(one => (one.Path, 0UL, false))]);
        batch.WindowStart = batch.WindowEnd;
        (batch.CoveredMicroseconds, batch.ExpectedMicroseconds) = (0, 0);
        return batch;
    }

    private Task WriteAsync(params UsageBatch[] batches) => _writer.WriteAsync([.. batches.Select(BatchSeries.Item)], Cancel);

    private async Task<(decimal Cpu, decimal Unscraped)> FiguresAsync()
    {
        var row = (await ReportAsync("total", "")).Rows.Single();
        Assert.Equal(Math.Round(row.UnscrapedCpuSeconds / row.Quantities["cpuSeconds"], 6), row.UnscrapedShare);
        return (row.Quantities["cpuSeconds"], row.UnscrapedCpuSeconds);
    }

    private Task<UsagePage> ReportAsync(string step, string groupBy) => new UsageReport(_store, _options).RunAsync(UsageQuery.From(
        new UsageParameters { From = Start.AddHours(-2).ToString("O"), To = Start.AddHours(2).ToString("O"), Step = step, GroupBy = groupBy }, Caller.Local, 3600, false, Start, out _)!, Cancel);
}
