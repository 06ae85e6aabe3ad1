using System.Data.Common;
using System.Diagnostics;
using System.Threading.Channels;
using Metering.Service.Ledger;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Ingest;

/// <summary>
/// Collects the deliveries at hand, whatever transport they came by, and has them written in one transaction. While one group is being written the next one gathers,
/// so the group grows with the load and a single delivery does not wait.
/// </summary>
internal sealed partial class GroupCommit(GroupWriter writer, TimeProvider clock, ILogger<GroupCommit> log, HostAlarms? alarms = null) : BackgroundService, IIngest
{
    /// <summary>Bounds of one transaction.</summary>
    private const int MaxGroup = 2_000;
    private const long MaxGroupBytes = 96L << 20;
    private const int MaxTries = 5;

    private static readonly TimeSpan ProbeEvery = TimeSpan.FromSeconds(2);

    private readonly Channel<Waiting> _queue = Channel.CreateBounded<Waiting>(new BoundedChannelOptions(4 * MaxGroup) { SingleReader = true });

    private sealed record Waiting(GroupItem Item, TaskCompletionSource<IngestAnswer> Done);

    /// <summary>Set after a group that could not be written, until one could: readiness.</summary>
    public string? Trouble { get; private set; }

    public async Task<IngestAnswer> CommitAsync(Delivery delivery, CancellationToken cancel)
    {
        // Decoded on the caller's thread: the transports' own threads share the work, the writer only adds up.
        var batch = BatchDecoder.Decode(delivery.Body, clock.GetUtcNow(), out var fault);
        var waiting = new Waiting(new GroupItem(delivery, batch, fault, Refusal(delivery, batch)), new TaskCompletionSource<IngestAnswer>(TaskCreationOptions.RunContinuationsAsynchronously));
        await _queue.Writer.WriteAsync(waiting, cancel);
        return await waiting.Done.Task.WaitAsync(cancel);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var group = new List<Waiting>();
        try
        {
            while (await ReadyAsync(stoppingToken))
            {
                long bytes = 0;
                while (group.Count < MaxGroup && bytes < MaxGroupBytes && _queue.Reader.TryRead(out var next))
                {
                    group.Add(next);
                    bytes += next.Item.Batch.Body.Length;
                }

                await WriteAsync(group, stoppingToken);
                group.Clear();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping; what waits is given again by its sender.
        }
        finally
        {
            _queue.Writer.TryComplete();
            while (_queue.Reader.TryRead(out var left)) left.Done.TrySetException(new LedgerUnavailableException("The service is stopping."));
        }
    }

    // After a failure nothing may come any more: senders go by our readiness, so the ledger is tried without them.
    private async Task<bool> ReadyAsync(CancellationToken cancel)
    {
        var arrival = _queue.Reader.WaitToReadAsync(cancel).AsTask();
        while (Trouble is not null && !arrival.IsCompleted)
        {
            if (await Task.WhenAny(arrival, Task.Delay(ProbeEvery, clock, cancel)) == arrival) break;
            try
            {
                await writer.ProbeAsync(cancel);
                Recovered();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Still the same trouble, which was told.
            }
        }

        return await arrival;
    }

    // A login is who the broker, or the key, says it is. The payload and the routing key must say the same.
    private static string? Refusal(Delivery delivery, DecodedBatch batch)
    {
        if (delivery.MayClaimAnyHost) return null;
        if (string.IsNullOrEmpty(delivery.Login)) return "identity: the sender is not authenticated (no broker user id)";
        if (delivery.RoutingHost is { } routing && routing != delivery.Login) return $"identity: '{delivery.Login}' has used the routing key of '{routing}'";
        return batch.Host == delivery.Login || batch.Host.Length == 0 ? null : $"identity: '{delivery.Login}' has sent a batch of host '{batch.Host}'";
    }

    private async Task WriteAsync(List<Waiting> group, CancellationToken cancel)
    {
        var started = Stopwatch.GetTimestamp();
        for (var tries = 1; ; tries++)
        {
            try
            {
                var answers = await writer.WriteAsync(group.ConvertAll(waiting => waiting.Item), cancel);
                Recovered();
                IngestMetrics.Wrote(group.Count, answers, group.Sum(waiting => waiting.Item.Batch.Records.Count), Stopwatch.GetElapsedTime(started));
                for (var i = 0; i < answers.Length; i++)
                {
                    alarms?.See(group[i].Item.Batch, answers[i]);
                    group[i].Done.TrySetResult(answers[i]);
                }

                return;
            }
            catch (LedgerConflictException) when (tries < MaxTries)
            {
                // Another replica was first; its rows are there now.
            }
            catch (Exception e) when (e is OverflowException or DbException && group.Count > 1)
            {
                // Something in one of them can not be stored: each by itself, so that only that one is held back.
                foreach (var single in group.ToArray()) await WriteAsync([single], cancel);
                return;
            }
            catch (Exception e) when (e is OverflowException or DbException && group[0].Item.Fault is null)
            {
                LogUnstorable(log, e.Message);
                group[0] = group[0] with { Item = group[0].Item with { Fault = $"The ledger can not hold it: {e.Message}" } };
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Failed(e);
                foreach (var waiting in group) waiting.Done.TrySetException(new LedgerUnavailableException(e.Message, e));
                return;
            }
            catch (OperationCanceledException)
            {
                foreach (var waiting in group) waiting.Done.TrySetException(new LedgerUnavailableException("The service is stopping."));
                throw;
            }
        }
    }

    private void Recovered()
    {
        if (Trouble is null) return;
        Trouble = null;
        LogRecovered(log);
    }

    private void Failed(Exception e)
    {
        if (Trouble == e.Message) return;
        Trouble = e.Message;
        if (e is LedgerUnavailableException or LedgerConflictException) LogUnavailable(log, e.Message);
        else if (e is not ObjectDisposedException) LogBroken(log, e); // disposed: the process is ending
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Nothing is acknowledged while the ledger can not be written: {Reason}")]
    private static partial void LogUnavailable(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A group of batches could not be written; nothing of it took effect.")]
    private static partial void LogBroken(ILogger log, Exception e);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A batch is quarantined, the ledger can not hold it: {Reason}")]
    private static partial void LogUnstorable(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The ledger can be written again.")]
    private static partial void LogRecovered(ILogger log);
}
