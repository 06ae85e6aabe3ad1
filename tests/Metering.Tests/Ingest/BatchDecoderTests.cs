using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Meters;
using Metering.Service.Ingest;
using Xunit;

namespace Metering.Tests.Ingest;

/// <summary>Our decoder against protobuf's own, and against everything that is no batch.</summary>
public sealed class BatchDecoderTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Everything_in_a_batch_is_read()
    {
        var decoded = BatchDecoder.Decode(Batch().ToByteArray(), Now, out var fault);

        Assert.Null(fault);
        Assert.Equal(("h1", "e1", 3UL, 4UL, "boot"), (decoded.Host, decoded.Epoch, decoded.FirstSequence, decoded.Sequence, decoded.BootId));
        Assert.Equal(10_000_000, decoded.WindowEnd - decoded.WindowStart);
        Assert.Equal("blue", decoded.HostLabels["zone"]);
        var record = Assert.Single(decoded.Records);
        Assert.Equal("docker", System.Text.Encoding.UTF8.GetString(decoded.Slice(record.Kind)));
        Assert.Equal("/x/ü", System.Text.Encoding.UTF8.GetString(decoded.Slice(record.Path)));
        Assert.Equal([new DecodedReading(MeterCatalogue.Cpu.Index, 123, 1), new DecodedReading(MeterCatalogue.Memory.Index, 1L << 50, 2)], decoded.Readings);
        Assert.Equal(1, decoded.UnknownMeters);
        Assert.Equal("prod", BatchDecoder.Labels(decoded, record)["env"]);
    }

    [Fact]
    public void Api_names_of_meters_are_understood_too()
    {
        var batch = Batch();
        batch.Workloads[0].Meters[0].Meter = "cpuSeconds";

        Assert.Equal(MeterCatalogue.Cpu.Index, BatchDecoder.Decode(batch.ToByteArray(), Now, out _).Readings[0].Meter);
    }

    [Fact]
    public void A_parent_that_does_not_add_up_is_counted()
    {
        var batch = Batch();
        batch.Parents.Add(new Parent { Path = "/ok", Before = 100, After = 110, Own = 40, Below = 59, Held = 2 });
        batch.Parents.Add(new Parent { Path = "/low", Before = 100, After = 110, Own = 40, Below = 50, Held = 2 });
        batch.Parents.Add(new Parent { Path = "/high", Before = 100, After = 110, Own = 60, Below = 60, Held = 2 });

        Assert.Equal(2, BatchDecoder.Decode(batch.ToByteArray(), Now, out _).ConservationFailures);
    }

    [Theory]
    [InlineData("host", "host id")]
    [InlineData("epoch", "agentEpoch")]
    [InlineData("sequence", "range")]
    [InlineData("backwards", "range")]
    [InlineData("schema", "newer")]
    [InlineData("window", "windowEnd is before")]
    [InlineData("future", "ahead")]
    [InlineData("covered", "covers more")]
    [InlineData("kind", "no kind")]
    [InlineData("quantity", "can not be meant")]
    public void What_is_wrong_is_said(string what, string says)
    {
        var batch = Batch();
        switch (what)
        {
            case "host": batch.Host = "a/b"; break;
            case "epoch": batch.AgentEpoch = ""; break;
            case "sequence": batch.FirstSequence = batch.Sequence = 0; break;
            case "backwards": batch.FirstSequence = 9; break;
            case "schema": batch.Schema = 2; break;
            case "window": batch.WindowEnd = batch.WindowStart - Duration.FromTimeSpan(TimeSpan.FromSeconds(1)); break;
            case "future": batch.WindowEnd = Timestamp.FromDateTimeOffset(Now.AddDays(2)); break;
            case "covered": batch.CoveredMicroseconds = batch.ExpectedMicroseconds + 1; break;
            case "kind": batch.Workloads[0].Kind = ""; break;
            default: batch.Workloads[0].Meters[0].Quantity = ulong.MaxValue; break;
        }

        BatchDecoder.Decode(batch.ToByteArray(), Now, out var fault);

        Assert.Contains(says, fault);
    }

    [Fact]
    public void Nothing_that_arrives_makes_it_throw()
    {
        var good = Batch().ToByteArray();
        var random = new Random(11);
        for (var i = 0; i < 30_000; i++)
        {
            byte[] bytes;
            if (i % 3 == 0)
            {
                bytes = new byte[random.Next(80)];
                random.NextBytes(bytes);
            }
            else
            {
                bytes = [.. good];
                for (var flips = random.Next(1, 4); flips > 0; flips--) bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                if (i % 3 == 1) bytes = bytes[..random.Next(bytes.Length)];
            }

            var decoded = BatchDecoder.Decode(bytes, Now, out var fault);
            foreach (var record in decoded.Records) BatchDecoder.Labels(decoded, record);
            if (fault is null) Assert.NotEqual("", decoded.Host);
        }
    }

    [Fact]
    public void What_we_take_protobuf_takes_and_reads_the_same()
    {
        var random = new Random(5);
        var good = Batch().ToByteArray();
        for (var i = 0; i < 10_000; i++)
        {
            byte[] bytes = [.. good];
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            var decoded = BatchDecoder.Decode(bytes, Now, out var fault);
            if (fault is not null) continue;

            var reference = UsageBatch.Parser.ParseFrom(bytes);
            Assert.Equal(reference.Host, decoded.Host);
            Assert.Equal(reference.Sequence, decoded.Sequence);
            Assert.Equal(reference.Workloads.Count, decoded.Records.Count);
        }
    }

    private static UsageBatch Batch() => new()
    {
        Host = "h1",
        HostLabels = { ["zone"] = "blue" },
        BootId = "boot",
        AgentEpoch = "e1",
        FirstSequence = 3,
        Sequence = 4,
        WindowStart = Timestamp.FromDateTimeOffset(Now.AddSeconds(-10)),
        WindowEnd = Timestamp.FromDateTimeOffset(Now),
        CoveredMicroseconds = 9_000_000,
        ExpectedMicroseconds = 10_000_000,
        Capacity = new Capacity { Cpus = 4, MemoryBytes = 1 << 30 },
        Schema = 1,
        Workloads =
        {
            new WorkloadUsage
            {
                Kind = "docker", Id = "abc", Name = "web", Path = "/x/ü", Inode = 7, Labels = { ["env"] = "prod" }, Origin = Origin.Measured,
                Meters =
                {
                    new MeterReading { Meter = "cpuMicroseconds", Start = 1, End = 124, Quantity = 123, Availability = Availability.Exact },
                    new MeterReading { Meter = "memoryByteSeconds", Quantity = 1UL << 50, Availability = Availability.BestEffort },
                    new MeterReading { Meter = "fromTheFuture", Quantity = 5 },
                },
            },
        },
    };
}
