using Metering.Messages;
using Metering.Meters;
using Metering.Service.Ingest;
using Metering.Service.Ledger;

namespace Metering.Service.Verification;

/// <summary>One host's usage in one bucket, added up from batch bytes.</summary>
internal sealed class BucketSums(long bucket, LedgerGrain grain)
{
    private readonly Dictionary<(string Kind, string Key), UsageSum> _sums = [];

    public long Bucket => bucket;

    /// <summary>Where the bucket ends, Unix seconds.</summary>
    public long End => bucket + grain.LengthAt(bucket);

    public long Batches { get; private set; }

    public long Covered { get; private set; }

    public long Expected { get; private set; }

    /// <summary>The same as <c>conservation</c> has it.</summary>
    public Conserved Bills { get; } = new();

    /// <summary>What no row was found for.</summary>
    public IReadOnlyDictionary<(string Kind, string Key), UsageSum> Left => _sums;

    public bool Take((string Kind, string Key) workload, out UsageSum sum) => _sums.Remove(workload, out sum!);

    public void Add(byte[] bytes)
    {
        var batch = BatchDecoder.Decode(bytes, DateTimeOffset.MaxValue.AddDays(-2), out var fault);
        if (fault is not null) return; // told by the receipts' check
        var parts = BucketSplit.Of(batch.WindowStart, batch.WindowEnd, grain);
        if (parts[^1].Bucket == bucket) Bills.AddBatch(batch.Hash);
        foreach (var part in parts)
        {
            if (part.Bucket != bucket) continue;
            Batches++;
            Covered += part.Share((long)Math.Min(batch.CoveredMicroseconds, long.MaxValue / 2));
            Expected += part.Share((long)Math.Min(batch.ExpectedMicroseconds, long.MaxValue / 2));
            foreach (var record in batch.Records) Add(batch, record, part, parts.Length > 1);
        }
    }

    private void Add(DecodedBatch batch, in DecodedRecord record, in BucketSplit.Part part, bool isSplit)
    {
        var key = (BatchDecoder.Text(batch.Slice(record.Kind), 64), BatchDecoder.Text(batch.Slice(record.Id), 4096));
        if (!_sums.TryGetValue(key, out var sum)) _sums[key] = sum = new UsageSum();
        for (var i = record.FirstReading; i < record.FirstReading + record.ReadingCount; i++)
        {
            var reading = batch.Readings[i];
            var meter = MeterCatalogue.All[reading.Meter];
            sum.Known |= 1 << meter.Index;
            ref var value = ref sum.Values[meter.Index];
            if (meter.Kind == MeterKind.Peak)
            {
                value = Math.Max(value, reading.Quantity);
                Bills.Add(meter, reading.Quantity);
                continue;
            }

            var share = part.Share(reading.Quantity);
            value = checked(value + share);
            Bills.Add(meter, share);
            if (meter != MeterCatalogue.Cpu || (!isSplit && record.Origin != (int)Origin.Estimated)) continue;
            sum.Estimated = checked(sum.Estimated + share);
            Bills.AddEstimated(share);
        }
    }
}
