using System.Diagnostics.Metrics;
using Metering.Identity;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Verification.Expiry;

/// <summary>
/// Takes the bytes of batches away when they have expired, from each agent's oldest on, in transactions of a few MiB with pauses between them, so that ingest never waits for it. The mark of how far that
/// went is in the same transaction: killed at any moment, nothing is half expired. What a batch billed stays provable by its receipt and by <c>conservation</c>; so bytes that are not what the receipt says,
/// or whose usage was never counted there, are kept.
/// </summary>
internal sealed partial class RetentionKeeper(LedgerStore store, RetentionOptions options, TimeProvider clock, ILogger<RetentionKeeper> log) : BackgroundService
{
    /// <summary>Of one transaction.</summary>
    internal const int MaxBatches = 64;
    internal const long MaxBytes = 4 << 20;

    private static readonly TimeSpan Every = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);
    private static readonly Meter Meter = new("Metering.Retention");
    private static readonly Counter<long> Expired = Meter.CreateCounter<long>("metering_batches_expired", unit: null, description: "Batches whose bytes were taken away because they had expired; their receipts stay.");

    /// <summary>Called at named moments; tests crash there.</summary>
    internal Action<string>? FaultPoint { get; set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        try
        {
            do
            {
                try
                {
                    await RunAsync(stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogTrouble(log, e.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; the rest expires after the next start.
        }
    }

    /// <summary>Takes away all that has expired; gives how many batches.</summary>
    internal async Task<long> RunAsync(CancellationToken cancel)
    {
        var (from, until) = await BoundsAsync(cancel);
        var total = 0L;
        foreach (var agent in await AgentsAsync(cancel))
        {
            for (var taken = await StepAsync(agent, from, until, cancel); taken > 0; taken = await StepAsync(agent, from, until, cancel))
            {
                total += taken;
                Expired.Add(taken);
                FaultPoint?.Invoke("chunk");
                await Task.Delay(Rest, TimeProvider.System, cancel);
            }
        }

        return total;
    }

    // Windows that begin before the first, or end after the second (microseconds), are kept.
    private async Task<(long From, long Until)> BoundsAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var connection = await store.OpenReadAsync(cancel);
        var closed = (await InvoiceStore.PeriodsAsync(connection, cancel)).LastOrDefault();
        var closedUntil = closed is null ? DateTimeOffset.UnixEpoch : PeriodManifest.Read(closed.Manifest).End;
        var until = now - options.Batches < closedUntil ? now - options.Batches : closedUntil;
        if (now - options.OpenBatches > until) until = now - options.OpenBatches;
        var counted = await ConservationTally.FromAsync(connection, cancel);
        return (counted == long.MinValue ? 0 : counted * 1_000_000, Math.Max(0, until.ToUnixTimeMilliseconds()) * 1_000);
    }

    private async Task<List<long>> AgentsAsync(CancellationToken cancel)
    {
        var agents = new List<long>();
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, "SELECT id FROM agent ORDER BY id");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) agents.Add(rows.GetInt64(0));
        return agents;
    }

    private async Task<long> StepAsync(long agent, long from, long until, CancellationToken cancel)
    {
        var (last, count, bytes) = (0L, 0L, 0L);
        await using (var connection = await store.OpenReadAsync(cancel))
        await using (var command = VerifyRun.Command(connection, """
            SELECT r.sequence, r.hash, r.window_start, r.window_end, b.bytes, r.quarantined FROM receipt r LEFT JOIN batch b ON b.agent = r.agent AND b.sequence = r.sequence
            WHERE r.agent = @agent AND r.sequence > COALESCE((SELECT e.sequence FROM batch_expiry e WHERE e.agent = @agent), 0) ORDER BY r.sequence LIMIT @most
            """, ("@agent", agent), ("@most", (long)MaxBatches)))
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (bytes < MaxBytes && await rows.ReadAsync(cancel))
            {
                if (rows.GetInt64(2) < from || rows.GetInt64(3) > until) break;
                if (rows.GetInt64(5) == 0)
                {
                    // Lost or altered: verify tells, and what is there is evidence.
                    if (rows.IsDBNull(4) || StoredBatch.BytesOf(rows[4]) is not { } body || !BatchHash.Of(body).AsSpan().SequenceEqual(StoredBatch.BytesOf(rows[1]))) break;
                    bytes += body.Length;
                }

                (last, count) = (rows.GetInt64(0), count + 1);
            }
        }

        if (count == 0) return 0;
        await store.WriteAsync(async transaction =>
        {
            await transaction.ExecuteAsync("DELETE FROM batch WHERE agent = @agent AND sequence <= @last", ("@agent", agent), ("@last", last));
            FaultPoint?.Invoke("deleted");
            await transaction.ExecuteAsync("INSERT INTO batch_expiry (agent, sequence) VALUES (@agent, @last) ON CONFLICT (agent) DO UPDATE SET sequence = excluded.sequence WHERE excluded.sequence > batch_expiry.sequence", ("@agent", agent), ("@last", last));
        }, cancel);
        return count;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Expired batches stay for now: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);
}
