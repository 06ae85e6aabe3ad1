using Google.Protobuf;
using Metering.Agent.Accounting;
using Metering.Messages;
using Metering.Meters;

namespace Metering.Agent.Journal;

/// <summary>Makes one batch of several that follow each other, when the journal runs out of room: sums stay, the grain within a bucket goes.</summary>
internal static class BatchMerger
{
    // The ledger's finest grain; windows of different buckets never share a batch, or usage would move between them.
    private const long BucketMicroseconds = 900_000_000;
    /// <summary>Half of what a transport takes at most.</summary>
    public const int MaxMergedBytes = 512 * 1024;

    public static bool MayJoin(List<EncodedBatch> group, EncodedBatch next) =>
        group[^1].Sequence + 1 == next.FirstSequence &&
        Bucket(group[0].StartMicroseconds) == Bucket(Math.Max(next.EndMicroseconds - 1, next.StartMicroseconds)) &&
        group.Sum(batch => (long)batch.Bytes.Length) + next.Bytes.Length <= 8 * MaxMergedBytes;

    /// <summary>Quantities are added, peaks kept, readings run from the first start to the last end; the sandwich of a parent is its last one.</summary>
    public static EncodedBatch Merge(List<EncodedBatch> group)
    {
        var all = group.ConvertAll(batch => UsageBatch.Parser.ParseFrom(batch.Bytes));
        var merged = all[0].Clone();
        merged.Workloads.Clear();
        merged.Parents.Clear();
        merged.Sequence = all[^1].Sequence;
        merged.WindowEnd = all.MaxBy(batch => batch.WindowEnd)!.WindowEnd;
        merged.Capacity = all[^1].Capacity;
        merged.CoveredMicroseconds = all.Aggregate(0UL, (sum, batch) => sum + batch.CoveredMicroseconds);
        merged.ExpectedMicroseconds = all.Aggregate(0UL, (sum, batch) => sum + batch.ExpectedMicroseconds);

        var parents = new Dictionary<ulong, Parent>();
        var workloads = new Dictionary<(string, string, ulong, Origin), WorkloadUsage>();
        foreach (var batch in all)
        {
            foreach (var parent in batch.Parents) parents[parent.Inode] = parent;
            foreach (var usage in batch.Workloads)
            {
                var key = (usage.Kind, usage.Id, usage.Inode, usage.Origin);
                if (workloads.TryGetValue(key, out var known)) Add(known, usage);
                else workloads[key] = usage;
            }
        }

        merged.Parents.AddRange(parents.OrderBy(pair => pair.Key).Select(pair => pair.Value));
        merged.Workloads.AddRange(workloads.OrderBy(pair => pair.Key).Select(pair => pair.Value));
        var bytes = merged.ToByteArray();
        return new EncodedBatch(group[0].FirstSequence, group[^1].Sequence, group[0].StartMicroseconds, group.Max(batch => batch.EndMicroseconds), bytes);
    }

    private static void Add(WorkloadUsage sum, WorkloadUsage more)
    {
        sum.Final |= more.Final;
        sum.Name = more.Name;
        foreach (var (key, value) in more.Labels) sum.Labels[key] = value;
        foreach (var reading in more.Meters)
        {
            var known = sum.Meters.FirstOrDefault(meter => meter.Meter == reading.Meter && meter.Generation == reading.Generation);
            if (known is null)
            {
                sum.Meters.Add(reading);
                continue;
            }

            var peak = MeterCatalogue.TryFind(reading.Meter, out var meter) && meter.Kind == MeterKind.Peak;
            known.End = reading.End;
            known.Quantity = peak ? Math.Max(known.Quantity, reading.Quantity) : known.Quantity + reading.Quantity;
            if (reading.Availability > known.Availability) known.Availability = reading.Availability;
        }
    }

    private static long Bucket(long microseconds) => microseconds / BucketMicroseconds;
}
