using System.Text.Json;
using Metering.Service.Alerts;
using Metering.Service.Ledger;
using Metering.Service.Reports;
using Metering.Service.Reports.Schedules;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Metering.Tests.Verification;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Reports;

/// <summary>Scheduled reports, whatever database the ledger is kept in.</summary>
public abstract class ScheduleContract : IAsyncLifetime
{
    private readonly FakeClock _clock = new(new DateTimeOffset(2026, 11, 3, 0, 0, 0, TimeSpan.Zero));
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-schedules-").FullName;
    private LedgerOptions _options = null!;
    private LedgerStore _store = null!;

    protected abstract Task<string> ConnectionStringAsync();

    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = await ConnectionStringAsync() };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        var series = new BatchSeries("h1", new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero), seconds: 3600);
        await new GroupWriter(_store, _options, TimeProvider.System, []).WriteAsync([.. Enumerable.Range(0, 100).Select(_ => BatchSeries.Item(series.Next(("/a", 1_000_000, false))))], Cancel);
        await _store.WriteAsync(async transaction =>
        {
            transaction.Context.Add(new Tenant { Id = "t", TimeZone = "Europe/Berlin" });
            transaction.Context.Add(new Webhook { Id = "w", Url = "https://example.com/", Secret = WebhookSecret.Generate().Reveal() });
            await transaction.Context.SaveChangesAsync(Cancel);
            await transaction.ExecuteAsync("INSERT INTO report_schedule (id, json, since) VALUES ('daily', @json, @since)", ("@since", _clock.GetUtcNow().ToUnixTimeSeconds()), ("@json", JsonSerializer.Serialize(new ReportSchedule
            {
                Report = "usage", From = "yesterday", Step = "hour", GroupBy = "kind", Format = "csv", Every = "day", At = "06:00", TimeZone = "Europe/Berlin", Directory = "finance/daily", Webhook = "w",
            }, LedgerJson.Options)));
        }, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
        await EndAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData("made")]
    [InlineData("recorded")]
    [InlineData("written")]
    public async Task Each_occurrence_is_delivered_once_whatever_is_killed_and_however_many_run(string moment)
    {
        _clock.Advance(TimeSpan.FromHours(30));
        var killed = Dispatcher();
        killed.FaultPoint = at => { if (at == moment) throw new InvalidOperationException("killed"); };
        await Assert.ThrowsAsync<InvalidOperationException>(() => killed.RunDueAsync(Cancel));

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Dispatcher().RunDueAsync(Cancel), Cancel)));
        await Dispatcher().RunDueAsync(Cancel);

        var files = Directory.GetFiles(Path.Combine(_directory, "finance/daily")).Select(Path.GetFileName).Order(StringComparer.Ordinal);
        Assert.Equal(["daily_2026-11-03T050000Z.csv", "daily_2026-11-04T050000Z.csv"], files);
        Assert.Equal((2L, 2L), (await CountAsync("report_run WHERE delivered_at IS NOT NULL AND error IS NULL"), await CountAsync("delivery WHERE webhook = 'w'")));

        // Yesterday in Berlin as of each occurrence: 24 hours from 23:00 UTC, and a header.
        var lines = await File.ReadAllLinesAsync(Path.Combine(_directory, "finance/daily/daily_2026-11-04T050000Z.csv"), Cancel);
        Assert.Equal(25, lines.Length);
        Assert.StartsWith("2026-11-02T23:00:00Z,2026-11-03T00:00:00Z,raw,1,", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_that_can_not_be_written_waits_and_is_served_later()
    {
        _clock.Advance(TimeSpan.FromHours(6));
        await File.WriteAllTextAsync(Path.Combine(_directory, "finance"), "in the way", Cancel);
        await Dispatcher().RunDueAsync(Cancel);
        Assert.Equal(1, await CountAsync("report_run WHERE delivered_at IS NULL AND error IS NOT NULL"));

        File.Delete(Path.Combine(_directory, "finance"));
        await Dispatcher().RunDueAsync(Cancel);
        Assert.Equal(1, await CountAsync("report_run WHERE delivered_at IS NOT NULL AND error IS NULL"));
        Assert.Equal(1, await CountAsync("delivery"));
    }

    private ReportDispatcher Dispatcher()
    {
        var (usage, costs) = (new UsageReport(_store, _options), new CostReport(_store, _options));
        return new ReportDispatcher(_store, new ReportTables(usage, costs, new ForecastReport(costs, _store, _options), new RecommendationReport(_store, _options), _store, _options),
            new ReportOptions { Directory = _directory }, _clock, NullLogger<ReportDispatcher>.Instance);
    }

    private async Task<long> CountAsync(string table)
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT COUNT(*) FROM " + table;
        return Convert.ToInt64(await command.ExecuteScalarAsync(Cancel), System.Globalization.CultureInfo.InvariantCulture);
    }
}
