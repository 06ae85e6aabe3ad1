using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service.Ingest;
using Metering.Service.Ledger;

namespace Metering.Tests.Verification;

/// <summary>Batches as an honest agent sends them: readings chained, sandwiches that hold. Each pass is 10 s.</summary>
internal sealed class BatchSeries(string host, DateTimeOffset start, int seconds = 10)
{
    private readonly Dictionary<string, ulong> _ends = new(StringComparer.Ordinal);
    private ulong _sequence;

    public string Host => host;

    /// <summary>The next pass. The usage of "/p/c" is that of a child of "/p", whose sandwich is sent.</summary>
    public UsageBatch Next(params (string Path, ulong Microseconds, bool Final)[] workloads)
    {
        var at = start.AddSeconds(seconds * (long)_sequence);
        _sequence++;
        var batch = new UsageBatch
        {
            Host = host, AgentEpoch = "epoch-" + host, BootId = "boot", FirstSequence = _sequence, Sequence = _sequence, Schema = 1,
            WindowStart = Timestamp.FromDateTimeOffset(at), WindowEnd = Timestamp.FromDateTimeOffset(at.AddSeconds(seconds)),
            CoveredMicroseconds = (ulong)seconds * 1_000_000, ExpectedMicroseconds = (ulong)seconds * 1_000_000,
        };
        foreach (var (path, microseconds, final) in workloads)
        {
            var from = _ends.GetValueOrDefault(path);
            _ends[path] = from + microseconds;
            batch.Workloads.Add(new WorkloadUsage
            {
                Kind = "raw", Id = path, Name = path, Path = path, Inode = Inode(path), Origin = Origin.Measured, Final = final,
                Meters = { new MeterReading { Meter = "cpuMicroseconds", Start = from, End = from + microseconds, Quantity = microseconds, Availability = Availability.Exact } },
            });
        }

        var below = _ends.GetValueOrDefault("/p/c");
        batch.Parents.Add(new Parent { Path = "/p", Inode = 7, Before = below, After = below + 1, Own = 0, Below = below, Held = 1 });
        return batch;
    }

    /// <summary>Adds readings of other meters, by their wire names, to a workload of the batch that was made last.</summary>
    public UsageBatch With(UsageBatch batch, string path, params (string Meter, ulong Quantity)[] readings)
    {
        var record = batch.Workloads.Single(one => one.Path == path);
        foreach (var (meter, quantity) in readings)
        {
            var from = _ends.GetValueOrDefault(path + "\n" + meter);
            _ends[path + "\n" + meter] = from + quantity;
            record.Meters.Add(new MeterReading { Meter = meter, Start = from, End = from + quantity, Quantity = quantity, Availability = Availability.Exact });
        }

        return batch;
    }

    /// <summary>From here on the counting of a path starts elsewhere, as after a lost baseline.</summary>
    public void Rebase(string path, ulong at) => _ends[path] = at;

    public static ulong Inode(string path) => path.Aggregate(100UL, (sum, c) => sum * 31 + c);

    public static GroupItem Item(UsageBatch batch)
    {
        var bytes = batch.ToByteArray();
        var decoded = BatchDecoder.Decode(bytes, TimeProvider.System.GetUtcNow().AddYears(10), out var fault);
        return new GroupItem(new Delivery(bytes, "test", batch.Host), decoded, fault, null);
    }
}
