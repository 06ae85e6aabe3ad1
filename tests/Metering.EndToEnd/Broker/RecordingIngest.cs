using System.Collections.Concurrent;
using Google.Protobuf;
using Metering.Messages;
using Metering.Service.Ingest;

namespace Metering.EndToEnd.Broker;

/// <summary>A ledger in memory: remembers each delivery, commits each sequence once, keeps a contiguous watermark per epoch. Can be unavailable or slow on demand.</summary>
internal sealed class RecordingIngest : IIngest
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SortedSet<ulong>> _sequences = [];
    private int _waiting;
    private int _calls;

    public ConcurrentQueue<Delivery> Deliveries { get; } = [];

    public volatile bool Unavailable;

    /// <summary>Commits wait for this; completed unless a test replaces it.</summary>
    public Task Hold { get; set; } = Task.CompletedTask;

    public int Waiting => Volatile.Read(ref _waiting);

    public int Calls => Volatile.Read(ref _calls);

    public async Task<IngestAnswer> CommitAsync(Delivery delivery, CancellationToken cancel)
    {
        Interlocked.Increment(ref _calls);
        Interlocked.Increment(ref _waiting);
        try
        {
            await Hold.WaitAsync(cancel);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        if (Unavailable) throw new LedgerUnavailableException("The disk is full.");

        Deliveries.Enqueue(delivery);
        return Answer(delivery);
    }

    public int Committed(string epoch)
    {
        lock (_gate) return _sequences.TryGetValue(epoch, out var seen) ? seen.Count : 0;
    }

    private IngestAnswer Answer(Delivery delivery)
    {
        UsageBatch batch;
        try
        {
            batch = UsageBatch.Parser.ParseFrom(delivery.Body.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            return new IngestAnswer(IngestResult.Quarantined, null, e.Message);
        }

        if (delivery.Login is null || delivery.Login != batch.Host || delivery.RoutingHost != batch.Host)
            return new IngestAnswer(IngestResult.Refused, null, "The sender is not who it says.");

        lock (_gate)
        {
            if (!_sequences.TryGetValue(batch.AgentEpoch, out var seen)) _sequences.Add(batch.AgentEpoch, seen = []);
            var fresh = seen.Add(batch.Sequence);
            ulong contiguous = 0;
            foreach (var sequence in seen)
            {
                if (sequence != contiguous + 1) break;
                contiguous = sequence;
            }

            return new IngestAnswer(
                fresh ? IngestResult.Committed : IngestResult.Duplicate,
                new Downlink { AgentEpoch = batch.AgentEpoch, CommittedSequence = contiguous, Duplicates = fresh ? 0u : 1u });
        }
    }
}
