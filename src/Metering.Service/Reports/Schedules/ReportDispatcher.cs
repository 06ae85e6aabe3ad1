using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Metering.Service.Verification;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NodaTime;

namespace Metering.Service.Reports.Schedules;

/// <summary>
/// Makes scheduled reports and delivers them. What an occurrence has made is one row, inserted once whatever replicas and restarts there are, and its webhook's delivery is in the same transaction; a
/// directory is given the row's bytes until it has them, under a name that follows from schedule and occurrence, so that a repetition changes nothing.
/// </summary>
internal sealed partial class ReportDispatcher(LedgerStore store, ReportTables tables, ReportOptions options, TimeProvider clock, ILogger<ReportDispatcher> log) : BackgroundService
{
    /// <summary>After a long absence the newest of so many occurrences are still made.</summary>
    internal const int MaxMissed = 31;

    private const int MaxBytes = 64 << 20;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30);
    private readonly DeliveryDirectory _directory = new(options.Directory);

    /// <summary>Called at named moments; tests crash there.</summary>
    internal Action<string>? FaultPoint { get; set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await RunDueAsync(stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogTrouble(log, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; what is not delivered is delivered after the next start.
        }
    }

    /// <summary>Makes and delivers all that is due.</summary>
    internal async Task RunDueAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow().ToUnixTimeSeconds();
        foreach (var (id, json, since) in await SchedulesAsync(cancel))
        {
            var schedule = JsonSerializer.Deserialize<ReportSchedule>(json, LedgerJson.Options)!;
            foreach (var due in ScheduleRules.Due(schedule, await ZoneAsync(schedule, cancel), since, now).TakeLast(MaxMissed)) await MakeAsync(id, schedule, due, isDue: true, cancel);
        }

        await DeliverAsync(cancel);
        await store.WriteAsync(transaction => transaction.ExecuteAsync("DELETE FROM report_run WHERE made_at < @before AND (delivered_at IS NOT NULL OR directory IS NULL)", ("@before", now - (long)options.Keep.TotalSeconds)), cancel);
    }

    /// <summary>Makes the report as of an instant (Unix seconds), unless that was done, and hands it to the webhook.</summary>
    /// <param name="isDue">False: somebody asked for it, which is no occurrence of the schedule.</param>
    internal async Task MakeAsync(string id, ReportSchedule schedule, long occurrence, bool isDue, CancellationToken cancel)
    {
        var (content, error) = await ContentAsync(schedule, occurrence, cancel);
        FaultPoint?.Invoke("made");
        var now = clock.GetUtcNow();
        var hash = Convert.ToHexStringLower(SHA256.HashData(content));
        await store.WriteAsync(async transaction =>
        {
            var inserted = await transaction.ExecuteAsync("""
                INSERT INTO report_run (schedule, occurrence, format, directory, content, hash, made_at, delivered_at, error) VALUES (@id, @occurrence, @format, @directory, @content, @hash, @now, NULL, @error)
                ON CONFLICT (schedule, occurrence) DO NOTHING
                """, ("@id", id), ("@occurrence", occurrence), ("@format", schedule.Format), ("@directory", error is null ? schedule.Directory : null), ("@content", content), ("@hash", hash), ("@now", now.ToUnixTimeSeconds()), ("@error", error));
            if (isDue) await transaction.ExecuteAsync("UPDATE report_schedule SET since = @occurrence WHERE id = @id AND since < @occurrence", ("@occurrence", occurrence), ("@id", id));
            if (inserted == 0 || schedule.Webhook is not { } webhook) return;
            await Outbox.AddEventAsync(transaction, string.Create(CultureInfo.InvariantCulture, $"report-{id}-{occurrence}"), CloudEvent.ReportReadyType, id, [webhook], now, data =>
            {
                data.WriteString("report", schedule.Report);
                data.WriteString("schedule", id);
                data.WriteString("occurrence", DateTimeOffset.FromUnixTimeSeconds(occurrence).UtcDateTime);
                data.WriteString("format", schedule.Format);
                data.WriteNumber("bytes", content.Length);
                data.WriteString("sha256", hash);
                data.WriteString("path", string.Create(CultureInfo.InvariantCulture, $"/v1/reports/{id}/runs/{occurrence}"));
                if (error is not null) data.WriteString("error", error);
            });
        }, cancel);
        FaultPoint?.Invoke("recorded");
    }

    /// <summary>Gives directories what they do not have yet.</summary>
    internal async Task DeliverAsync(CancellationToken cancel)
    {
        var waiting = new List<(string Schedule, long Occurrence, string Format, string Directory, byte[] Content)>();
        await using (var connection = await store.OpenReadAsync(cancel))
        await using (var command = VerifyRun.Command(connection, "SELECT schedule, occurrence, format, directory, content FROM report_run WHERE delivered_at IS NULL AND directory IS NOT NULL ORDER BY schedule, occurrence LIMIT 16"))
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel)) waiting.Add((rows.GetString(0), rows.GetInt64(1), rows.GetString(2), rows.GetString(3), (byte[])rows[4]));
        }

        foreach (var (schedule, occurrence, format, directory, content) in waiting)
        {
            var (delivered, error) = ((long?)clock.GetUtcNow().ToUnixTimeSeconds(), (string?)null);
            try
            {
                await _directory.WriteAsync(directory, NameOf(schedule, occurrence, format), content, cancel);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                (delivered, error) = (null, e.Message);
                LogTrouble(log, e.Message);
            }

            FaultPoint?.Invoke("written");
            await store.WriteAsync(transaction => transaction.ExecuteAsync("UPDATE report_run SET delivered_at = @at, error = @error WHERE schedule = @schedule AND occurrence = @occurrence",
                ("@at", delivered), ("@error", error), ("@schedule", schedule), ("@occurrence", occurrence)), cancel);
        }
    }

    /// <summary>The file of an occurrence, such as <c>costs-monthly_2026-12-01T050000Z.xlsx</c>.</summary>
    internal static string NameOf(string schedule, long occurrence, string format) =>
        string.Create(CultureInfo.InvariantCulture, $"{schedule}_{DateTimeOffset.FromUnixTimeSeconds(occurrence):yyyy-MM-dd'T'HHmmss'Z'}.{format}");

    private async Task<(byte[] Content, string? Error)> ContentAsync(ReportSchedule schedule, long occurrence, CancellationToken cancel)
    {
        var parameters = new UsageParameters
        {
            From = schedule.From, To = schedule.To, Step = schedule.Step, GroupBy = schedule.GroupBy, Filter = schedule.Filter?.ToArray(), With = schedule.With, TimeZone = (await ZoneAsync(schedule, cancel)).Id, Limit = UsageQuery.All,
        };
        var caller = schedule.Tenant is { } tenant ? new Caller(Roles.Reader, tenant, null) : Caller.Local;
        var faults = new List<string>();
        if (await tables.MakeAsync(schedule.Report!, parameters, caller, DateTimeOffset.FromUnixTimeSeconds(occurrence), faults, cancel) is not { } table) return ([], string.Join(" ", faults));
        using var content = new MemoryStream();
        try
        {
            await table.WriteAsync(content, schedule.Format!, cancel);
        }
        catch (RuleBrokenException broken)
        {
            return ([], broken.Message);
        }

        return content.Length <= MaxBytes ? (content.ToArray(), null) : ([], $"The report has {content.Length} bytes; a scheduled one has at most {MaxBytes}. Group by less, or take a shorter range.");
    }

    private async Task<DateTimeZone> ZoneAsync(ReportSchedule schedule, CancellationToken cancel)
    {
        if (schedule.TimeZone is { } name) return TenantCalendar.Zone(name);
        if (schedule.Tenant is not { } tenant) return DateTimeZone.Utc;
        await using var context = await store.ReadContextAsync(cancel);
        return TenantCalendar.Zone((await context.Set<Tenant>().AsNoTracking().FirstOrDefaultAsync(one => one.Id == tenant, cancel))?.TimeZone);
    }

    // With the instant after which they are due: the last occurrence that was made, or when they were made themselves.
    private async Task<List<(string Id, string Json, long Since)>> SchedulesAsync(CancellationToken cancel)
    {
        var found = new List<(string, string, long)>();
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, "SELECT id, json, since FROM report_schedule ORDER BY id");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) found.Add((rows.GetString(0), rows.GetString(1), rows.GetInt64(2)));
        return found;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Scheduled reports wait: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);
}
