using Metering.Meters;

namespace Metering.Service.Ledger;

/// <summary>What one group adds to one row of <c>usage</c>: a workload in a bucket.</summary>
internal sealed class UsageRow
{
    public long Bucket;
    public WorkloadEntry Workload = null!;
    public readonly long[] Values = new long[MeterCatalogue.All.Count];

    /// <summary>Bit per meter: known in this group. What is not known stays null.</summary>
    public int Known;

    /// <summary>CPU microseconds that were split over buckets by time, or are marked as estimated by the agent.</summary>
    public long EstimatedMicroseconds;

    /// <summary>CPU microseconds that a scraper would not have seen: see <see cref="Newborns"/>.</summary>
    public long UnscrapedMicroseconds;

    /// <summary>The time that the group's batches cover, Unix microseconds; the same when it is not known.</summary>
    public long From, To;

    public void Cover(long from, long to) => (From, To) = To == 0 ? (from, to) : (Math.Min(From, from), Math.Max(To, to));

    public void Add(Meter meter, long quantity)
    {
        Known |= 1 << meter.Index;
        ref var value = ref Values[meter.Index];
        value = meter.Kind == MeterKind.Peak ? Math.Max(value, quantity) : checked(value + quantity);
    }

    public void Add(UsageRow other)
    {
        foreach (var meter in MeterCatalogue.All)
        {
            if ((other.Known & (1 << meter.Index)) != 0) Add(meter, other.Values[meter.Index]);
        }

        EstimatedMicroseconds = checked(EstimatedMicroseconds + other.EstimatedMicroseconds);
        UnscrapedMicroseconds = checked(UnscrapedMicroseconds + other.UnscrapedMicroseconds);
        if (other.To != 0) Cover(other.From, other.To);
    }

    public void Clear()
    {
        Array.Clear(Values);
        (Known, EstimatedMicroseconds, UnscrapedMicroseconds, From, To) = (0, 0, 0, 0, 0);
    }
}
