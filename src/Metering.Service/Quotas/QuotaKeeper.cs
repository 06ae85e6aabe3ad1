using Metering.Service.Alerts;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Quotas;

/// <summary>
/// Judges what goes by time: rolling windows, rates, forecasts, windows that end, tolerances and pauses that are over; and counts figures anew when what decides them has changed.
/// Every few seconds, in one transaction under one advisory lock, so that of several replicas one does it.
/// </summary>
internal sealed partial class QuotaKeeper(LedgerStore store, LedgerOptions options, TimeProvider clock, WebhookDispatcher? dispatcher, ILogger<QuotaKeeper> log) : BackgroundService
{
    private const long Lock = 0x6d65_7465_7207;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PruneEvery = TimeSpan.FromHours(1);

    /// <summary>How long growth may wait, and how much of it, in bytes: who reads figures reads it too.</summary>
    private static readonly TimeSpan SettleEvery = TimeSpan.FromSeconds(30);
    private const long MaxWaiting = 1 << 20;
    private QuotaCatalogue? _catalogue;
    private long _revision = -1;
    private DateTimeOffset _pruned;
    private DateTimeOffset _settled;

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
                    if (await TickAsync(stoppingToken) > 0) dispatcher?.Wake();
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogTrouble(log, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; what is due is judged after the next start.
        }
    }

    /// <summary>Counts on what is counted anew; in between ingest takes its turn.</summary>
    internal QuotaCounter Counter { get; } = new(store, options, clock);

    /// <summary>Judges all that is due; the number of transitions. Nothing when another replica does it.</summary>
    internal async Task<int> TickAsync(CancellationToken cancel)
    {
        if (store.IsPostgres) await SettleAsync(cancel);
        var (done, left) = await store.WriteAsync(transaction => TickAsync(transaction, cancel), cancel);
        return left ? done + await Counter.FinishAsync(cancel) : done;
    }

    // Before the judging, in transactions of their own: those who write usage wait for them.
    private async Task SettleAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (now - _settled < SettleEvery && await store.WriteAsync(QuotaGrowthLog.WaitingAsync, cancel) < MaxWaiting) return;
        while (await store.WriteAsync(QuotaGrowthLog.SettleAsync, cancel))
        {
        }

        _settled = now;
    }

    private async Task<(int Done, bool Left)> TickAsync(LedgerTransaction transaction, CancellationToken cancel)
    {
        if (store.IsPostgres && await transaction.ScalarAsync(transaction.Command("SELECT CASE WHEN pg_try_advisory_xact_lock(@lock) THEN 1 ELSE 0 END", ("@lock", Lock))) == 0) return (0, false);
        var now = clock.GetUtcNow();
        var catalogue = await LoadAsync(transaction, cancel);
        if (catalogue.Quotas.Count == 0) return (0, false);
        var grain = await LedgerGrain.ReadAsync(transaction, options);
        var clocks = await QuotaLedger.ClocksAsync(transaction, cancel);
        var stale = catalogue.Quotas.Where(quota => clocks.GetValueOrDefault(quota.Id)?.Basis != catalogue.BasisOf(quota)).ToList();
        if (stale.Count > 0)
        {
            await LedgerGate.WaitAsync(transaction);
            await QuotaRebuild.RunAsync(transaction, catalogue, stale, grain, now, Counter.ChunkRows);
            clocks = await QuotaLedger.ClocksAsync(transaction, cancel);
        }

        var done = await JudgeAsync(transaction, catalogue, catalogue.Quotas, clocks, grain, now, cancel);
        if (now - _pruned > PruneEvery) await PruneAsync(transaction, catalogue, clocks, now);
        FaultPoint?.Invoke("before commit");
        return (done, (await QuotaCount.ReadAsync(transaction, cancel)).Count > 0);
    }

    /// <summary>Judges these quotas as of now. Only those that change something are locked and decided again.</summary>
    public static async Task<int> JudgeAsync(
        LedgerTransaction transaction, QuotaCatalogue catalogue, IReadOnlyList<CompiledQuota> quotas, Dictionary<string, QuotaClockRow> clocks, LedgerGrain grain, DateTimeOffset now, CancellationToken cancel)
    {
        var seconds = now.ToUnixTimeSeconds();

        // A figure that is not counted to its end decides nothing.
        var counting = await QuotaCount.ReadAsync(transaction, cancel);
        if (counting.Count > 0) quotas = [.. quotas.Where(quota => !counting.ContainsKey(quota.Id))];
        var states = await QuotaLedger.OpenStatesAsync(transaction, cancel);
        var agents = await AgentMarks.ReadAsync(transaction, now);
        var figures = await QuotaWindows.ReadAsync(transaction, [.. quotas.Select(quota => (quota.Id, QuotaMeasure.Need(quota, states[quota.Id], JudgedTo(quota), grain, seconds)))], cancel);
        var done = 0;
        foreach (var quota in quotas)
        {
            var (readings, judgedTo) = QuotaMeasure.Readings(quota, [.. figures[quota.Id]], states[quota.Id], JudgedTo(quota), grain, agents, catalogue.Prices, seconds);
            var trial = new QuotaStateSet(states[quota.Id]);
            if (readings.Count > 0) QuotaJudge.End(quota.Thresholds, readings[^1], trial);
            foreach (var reading in readings) QuotaJudge.Decide(quota, reading, trial, seconds);
            if (trial.Changed.Count > 0) done += await QuotaLedger.JudgeAsync(transaction, catalogue, quota, readings, now);
            if (judgedTo > JudgedTo(quota)) await transaction.ExecuteAsync("UPDATE quota_clock SET judged_to = @to WHERE quota = @quota", ("@to", judgedTo), ("@quota", quota.Id));
        }

        return done;

        long JudgedTo(CompiledQuota quota) => clocks.GetValueOrDefault(quota.Id)?.JudgedTo ?? seconds;
    }

    // Figures that nothing is judged by any more, and a history of a year.
    private async Task PruneAsync(LedgerTransaction transaction, QuotaCatalogue catalogue, Dictionary<string, QuotaClockRow> clocks, DateTimeOffset now)
    {
        foreach (var quota in catalogue.Quotas)
        {
            var before = quota.Slots switch
            {
                QuotaSlots.Minutes => (clocks.GetValueOrDefault(quota.Id)?.JudgedTo ?? 0) - 3600,
                QuotaSlots.Buckets => now.AddDays(-70).ToUnixTimeSeconds(),
                _ => now.AddDays(-100).ToUnixTimeSeconds(),
            };
            await transaction.ExecuteAsync("DELETE FROM quota_window WHERE quota = @quota AND window_start < @before", ("@quota", quota.Id), ("@before", before));
        }

        await transaction.ExecuteAsync("DELETE FROM quota_state WHERE state = 'resolved' AND window_end < @before", ("@before", now.AddDays(-100).ToUnixTimeSeconds()));
        await transaction.ExecuteAsync("DELETE FROM quota_transition WHERE at < @before", ("@before", now.AddDays(-400).ToUnixMicroseconds()));
        _pruned = now;
    }

    private async Task<QuotaCatalogue> LoadAsync(LedgerTransaction transaction, CancellationToken cancel)
    {
        var revision = await LedgerSnapshot.RevisionAsync(transaction);
        if (_catalogue is { } known && _revision == revision) return known;
        (_catalogue, _revision) = (await QuotaCatalogue.LoadAsync(transaction.Context, cancel), revision);
        return _catalogue;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Quotas could not be judged; trying again in 5 s: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);
}
