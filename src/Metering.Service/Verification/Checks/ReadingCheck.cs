using System.Runtime.CompilerServices;
using Google.Protobuf;
using Metering.Messages;

namespace Metering.Service.Verification.Checks;

/// <summary>
/// Conservation at the source. Every parent: before − held ≤ own + below ≤ after. Every instance, meter and generation: a record starts where the one before it ended, and end − start is its quantity.
/// Instances are followed until their final record, so memory goes by how many live at once.
/// </summary>
internal sealed class ReadingCheck : IVerifyCheck
{
    public string Name => "readings";

    public async IAsyncEnumerable<VerifyEvent> RunAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        long seen = 0, unproved = 0;
        var faults = new List<Discrepancy>();
        foreach (var agent in run.Agents)
        {
            var chains = new ReadingChains();
            var next = 1L;
            await foreach (var stored in run.BatchesAsync(agent, after: -1, cancel))
            {
                seen++;

                // What a missing or quarantined batch said is not known: the chains begin anew behind it.
                if (stored.Bytes is null || stored.FirstSequence != next) chains.Clear();
                next = stored.Sequence + 1;
                if (stored.Bytes is { } bytes && Parse(bytes) is { } batch)
                {
                    faults.Clear();
                    run.Records += batch.Workloads.Count;
                    foreach (var parent in batch.Parents)
                    {
                        if (SandwichFault(parent) is { } fault) faults.Add(new Discrepancy("batch", $"{stored.Key} parent={parent.Path} inode={parent.Inode}", fault));
                    }

                    foreach (var record in batch.Workloads)
                    {
                        if (chains.Take(record, ref unproved) is { } fault) faults.Add(new Discrepancy("batch", $"{stored.Key} workload={record.Path} inode={record.Inode}", fault));
                    }

                    foreach (var fault in faults) yield return new VerifyEvent(Name, seen, run.Receipts) { Discrepancy = fault };
                }

                if (seen % 256 == 0) yield return new VerifyEvent(Name, seen, run.Receipts);
            }
        }

        yield return new VerifyEvent(Name, seen, Math.Max(seen, run.Receipts)) { Note = unproved > 0 ? $"{unproved} readings came without start and end: what they bill can not be followed to a counter." : null };
    }

    /// <summary>What is wrong with a parent's sandwich; null when it holds.</summary>
    internal static string? SandwichFault(Parent parent)
    {
        var published = (UInt128)parent.Own + parent.Below;
        if (published + parent.Held < parent.Before) return $"own {parent.Own} + below {parent.Below} µs is less than {parent.Before} − {parent.Held} µs that the kernel had counted before: {parent.Before - (ulong)published} µs are missing";
        return published > parent.After ? $"own {parent.Own} + below {parent.Below} µs is more than the {parent.After} µs that the kernel had counted after: {published - parent.After} µs too many" : null;
    }

    private static UsageBatch? Parse(byte[] bytes)
    {
        try
        {
            return UsageBatch.Parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return null; // the receipts' check has told
        }
    }
}
