using System.Runtime.CompilerServices;
using Metering.Identity;
using Metering.Service.Ingest;

namespace Metering.Service.Verification.Checks;

/// <summary>
/// Every receipt has its batch, whose bytes hash to the receipt's hash and name the receipt's epoch, range and window;
/// ranges do not overlap, and up to the mark <c>committed</c> there is none missing; an epoch's end is that of its latest window, and each workload has a path that a batch reported.
/// </summary>
internal sealed class ReceiptCheck : IVerifyCheck
{
    public string Name => "receipts";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        var paths = new ReportedPaths();
        foreach (var agent in run.Agents)
        {
            var (end, gapped, latest) = (0L, false, 0L);
            await foreach (var batch in run.BatchesAsync(agent, after: -1, cancel))
            {
                run.Batches++;
                if (batch.IsExpired || (batch is { Bytes: null, IsQuarantined: false } && await HasExpiredAsync(run, batch, cancel))) run.Expired++;
                else if (Fault(batch, paths) is { } fault) yield return Event(run, fault);
                if (batch.FirstSequence <= end) yield return Event(run, new Discrepancy("receipt", batch.Key, $"its range {batch.FirstSequence}..{batch.Sequence} overlaps an earlier one that ends at {end}"));
                else if (batch.FirstSequence > end + 1 && end < agent.Committed && !gapped)
                {
                    gapped = true;
                    yield return Event(run, new Discrepancy("receipt", $"{agent.Key} sequence={end + 1}", $"{end + 1}..{batch.FirstSequence - 1} are missing below the committed mark {agent.Committed}"));
                }

                if (!batch.IsQuarantined) latest = Math.Max(latest, batch.WindowEnd);
                if (batch.Bytes is null) paths.Forget(agent.Host);
                end = Math.Max(end, batch.Sequence);
                if (run.Batches % 256 == 0) yield return new VerifyEvent(Name, run.Batches, run.Receipts);
            }

            if (end < agent.Committed && !gapped)
                yield return Event(run, new Discrepancy("receipt", $"{agent.Key} sequence={end + 1}", $"the mark says that {agent.Committed} is committed, the last receipt is {end}"));
            if (agent.LastWindowEnd != latest)
                yield return Event(run, new Discrepancy("agent", agent.Key, $"last_window_end is {agent.LastWindowEnd} µs, the latest window of its receipts ends at {latest}"));
        }

        await foreach (var wrong in paths.CompareAsync(run, cancel)) yield return Event(run, wrong);
        yield return new VerifyEvent(Name, run.Batches, Math.Max(run.Batches, run.Receipts))
        {
            Note = run.Expired == 0 ? null : $"The bytes of {run.Expired} batches have expired: their usage is held against what was counted from them when they came in, and that against the hashes of their receipts; their readings can not be looked at any more.",
        };
    }

    // The mark may have moved on since the verification began.
    private static async Task<bool> HasExpiredAsync(VerifyRun run, StoredBatch batch, CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, "SELECT COUNT(*) FROM batch_expiry WHERE agent = @agent AND sequence >= @sequence", ("@agent", batch.Agent.Id), ("@sequence", batch.Sequence));
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancel), System.Globalization.CultureInfo.InvariantCulture) > 0;
    }

    private VerifyEvent Event(VerifyRun run, Discrepancy discrepancy) => new(Name, run.Batches, run.Receipts) { Discrepancy = discrepancy };

    private static Discrepancy? Fault(StoredBatch batch, ReportedPaths paths)
    {
        if (batch.IsQuarantined) return null; // its bytes are the quarantine's, which has a check of its own
        if (batch.Bytes is not { } bytes) return new Discrepancy("batch", batch.Key, "there is a receipt and no batch: its usage can not be recomputed");
        var hash = BatchHash.Of(bytes);
        if (!hash.AsSpan().SequenceEqual(batch.Hash))
            return new Discrepancy("batch", batch.Key, $"the stored bytes hash to {Convert.ToHexStringLower(hash)}, the receipt has {Convert.ToHexStringLower(batch.Hash)}");
        var decoded = BatchDecoder.Decode(bytes, DateTimeOffset.MaxValue.AddDays(-2), out var fault);
        if (fault is not null) return new Discrepancy("batch", batch.Key, "the stored bytes are no good batch: " + fault);
        paths.Add(decoded);
        return decoded.Host == batch.Agent.Host && decoded.Epoch == batch.Agent.Epoch && (long)decoded.FirstSequence == batch.FirstSequence && (long)decoded.Sequence == batch.Sequence &&
            decoded.WindowStart == batch.WindowStart && decoded.WindowEnd == batch.WindowEnd
            ? null
            : new Discrepancy("receipt", batch.Key, $"the batch says {decoded.Host} {decoded.Epoch} {decoded.FirstSequence}..{decoded.Sequence}, window {decoded.WindowStart}..{decoded.WindowEnd} µs, the receipt another");
    }
}
