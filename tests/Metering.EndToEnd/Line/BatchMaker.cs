using Google.Protobuf.WellKnownTypes;
using Metering.Identity;
using Metering.Messages;

namespace Metering.EndToEnd.Line;

/// <summary>Batches of an invented host, numbered from 1 in one epoch.</summary>
internal sealed class BatchMaker(string host, string path = "/e2e-invented")
{
    private ulong _sequence;

    public string Host => host;

    public string Epoch { get; } = EpochId.New();

    public BatchDouble Next(long cpuSeconds) => Make(++_sequence, cpuSeconds);

    public BatchDouble Make(ulong sequence, long cpuSeconds)
    {
        var now = Timestamp.FromDateTimeOffset(TimeProvider.System.GetUtcNow());
        var usage = new WorkloadUsage { Kind = "raw", Id = path, Name = path[1..], Path = path, Inode = 7, Origin = Origin.Measured };
        usage.Meters.Add(new MeterReading { Meter = "cpuMicroseconds", End = (ulong)cpuSeconds * 1_000_000, Quantity = (ulong)cpuSeconds * 1_000_000, Availability = Availability.Exact });
        var batch = new UsageBatch { Host = host, AgentEpoch = Epoch, FirstSequence = sequence, Sequence = sequence, Schema = 1, WindowStart = now, WindowEnd = now.Clone() };
        batch.Workloads.Add(usage);
        return new BatchDouble(batch);
    }
}
