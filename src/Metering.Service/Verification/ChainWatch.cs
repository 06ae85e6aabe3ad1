using System.Diagnostics;
using System.Diagnostics.Metrics;
using Google.Protobuf;
using Metering.Messages;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.Verification;

/// <summary>
/// Follows the CPU readings of every live instance through the batches as they are committed: a record that does not start where the one before it ended is an alarm within seconds.
/// It reads behind the writer, on a connection of its own and with at most a tenth of one core, so that ingest is not slowed; what it can not keep up with it skips and counts,
/// and <c>verify</c> looks at all of it. After a start it begins with what comes from then on.
/// </summary>
internal sealed partial class ChainWatch(LedgerStore store, LedgerOptions options, HostAlarms alarms, TimeProvider clock, ILogger<ChainWatch> log) : BackgroundService
{
    /// <summary>So many batches of one agent behind, the chains begin anew at the newest.</summary>
    private const long MaxBehind = 2_000;
    private const int RestPerWork = 9;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private static readonly Meter Meter = new("Metering.ChainWatch");
    private static readonly Counter<long> Followed = Meter.CreateCounter<long>("metering_chain_batches_followed", unit: null, description: "Committed batches whose CPU readings were followed from record to record.");
    private static readonly Counter<long> Skipped = Meter.CreateCounter<long>("metering_chain_batches_skipped", unit: null, description: "Committed batches that were not followed because too many came at once; metering verify looks at them.");

    private readonly Dictionary<long, (long Sequence, ReadingChains Chains)> _followed = [];
    private bool _begun;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await FollowAsync(stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // The ledger is away, which its writer tells; the next turn goes on from here.
                    LogTrouble(log, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>One turn over every agent.</summary>
    internal async Task FollowAsync(CancellationToken cancel)
    {
        var run = new VerifyRun(store, options);
        foreach (var agent in await run.MarksAsync(cancel))
        {
            if (!_followed.TryGetValue(agent.Id, out var at)) at = (_begun ? 0 : agent.Committed, new ReadingChains(onlyCpu: true));
            if (agent.Committed - at.Sequence > MaxBehind)
            {
                Skipped.Add(agent.Committed - at.Sequence);
                at = (agent.Committed, new ReadingChains(onlyCpu: true));
            }

            if (agent.Committed > at.Sequence) at = await FollowAsync(run, agent with { LastSequence = agent.Committed }, at, cancel);
            _followed[agent.Id] = at;
        }

        _begun = true;
    }

    private async Task<(long, ReadingChains)> FollowAsync(VerifyRun run, AgentMark agent, (long Sequence, ReadingChains Chains) at, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        await foreach (var stored in run.BatchesAsync(agent, at.Sequence, cancel))
        {
            if (stored.Bytes is null) at.Chains.Clear();
            else Take(agent, stored, at.Chains);
            at.Sequence = stored.Sequence;
            Followed.Add(1);
            var worked = Stopwatch.GetElapsedTime(began);
            if (worked < TimeSpan.FromMilliseconds(20)) continue;
            await Task.Delay(worked * RestPerWork, clock, cancel);
            began = Stopwatch.GetTimestamp();
        }

        return at;
    }

    private void Take(AgentMark agent, StoredBatch stored, ReadingChains chains)
    {
        UsageBatch batch;
        try
        {
            batch = UsageBatch.Parser.ParseFrom(stored.Bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            chains.Clear();
            return;
        }

        var unproved = 0L;
        foreach (var record in batch.Workloads)
        {
            // A quantity that is no difference of its readings was found when the batch came in.
            if (chains.Take(record, ref unproved) is { } fault && fault.StartsWith(ReadingChains.Break, StringComparison.Ordinal))
                alarms.Raise(agent.Host, AlarmKind.Chain, 1, $"{record.Path} (inode {record.Inode}), {fault}, in batch {stored.Sequence} of epoch {agent.Epoch}");
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The readings are not followed now: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);
}
