using System.Globalization;
using Google.Protobuf;
using Metering.Messages;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Xunit;

namespace Metering.Tests.Ledger;

public sealed class WorkloadDirectoryTests
{
    [Fact]
    public void Names_without_end_take_no_more_memory_than_the_bound()
    {
        const long Bound = 1 << 20;
        var directory = new WorkloadDirectory(maxBytes: Bound);
        long id = 0, most = 0;
        for (var group = 0; group < 40; group++)
        {
            var batch = new UsageBatch { Host = "h1", AgentEpoch = "e", FirstSequence = 1, Sequence = 1, Schema = 1 };
            for (var i = 0; i < 100; i++)
            {
                var name = new string('x', 2000) + (group * 1000 + i).ToString(CultureInfo.InvariantCulture);
                batch.Workloads.Add(new WorkloadUsage { Kind = "raw", Id = name, Name = name, Path = name });
            }

            var decoded = BatchDecoder.Decode(batch.ToByteArray(), TimeProvider.System.GetUtcNow(), out _);
            WorkloadDirectory.Known? previous = null;
            foreach (var record in decoded.Records) directory.Find(decoded, record, 0, ref previous);
            foreach (var entry in directory.Unsaved) entry.Id = ++id;
            directory.Settled();
            most = Math.Max(most, directory.Bytes);
        }

        // 40 × 100 × 6 KB went through it; beyond the bound there is never more than one group.
        Assert.InRange(most, Bound / 2, Bound + 100 * 6600);
    }

    [Fact]
    public void A_note_that_changes_with_every_batch_leaves_the_workload_known_and_takes_no_memory()
    {
        var directory = new WorkloadDirectory();
        var entry = Meet(directory, "unavailable: note 0", 0);
        entry.Id = 1;
        directory.Settled();
        var before = directory.Bytes;
        for (var i = 1; i <= 1000; i++)
        {
            var found = Meet(directory, $"unavailable: note {i % 10}", i);
            Assert.Equal((1, 0), (found.Id, directory.Unsaved.Count));
            Assert.Equal($"unavailable: note {i % 10}", found.Availability["network"]);
            Assert.Single(directory.ChangedAvailability());
            directory.Settled();
        }

        Assert.Equal(before, directory.Bytes);
    }

    [Fact]
    public void Two_instances_that_do_not_agree_are_written_once_an_hour_and_not_with_every_batch()
    {
        var directory = new WorkloadDirectory();
        var written = 0;
        for (var i = 0; i < 100; i++)
        {
            foreach (var inode in (ulong[])[1, 2]) Meet(directory, null, i, inode, "name of " + inode);
            written += directory.Unsaved.Count;
            foreach (var entry in directory.Unsaved) entry.Id = 1;
            directory.Settled();
        }

        Assert.InRange(written, 1, 2);
    }

    // As the agent lays a record out: reserved labels after the inode.
    private static WorkloadEntry Meet(WorkloadDirectory directory, string? note, int second, ulong inode = 7, string name = "web")
    {
        using var record = new MemoryStream();
        using (var fields = new CodedOutputStream(record, leaveOpen: true))
        {
            foreach (var (field, text) in ((int, string)[])[(1, "docker"), (2, "c1"), (3, name), (5, "/docker/c1")])
            {
                fields.WriteTag(field, WireFormat.WireType.LengthDelimited);
                fields.WriteString(text);
            }

            fields.WriteTag(6, WireFormat.WireType.Varint);
            fields.WriteUInt64(inode);
        }

        if (note is not null) record.Write(new WorkloadUsage { Labels = { ["metering.network"] = note } }.ToByteArray());

        var batch = new UsageBatch { Host = "h1", AgentEpoch = "e", FirstSequence = 1, Sequence = 1, Schema = 1, WindowEnd = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = second } }.ToByteArray();
        byte[] whole = [.. batch, (13 << 3) | 2, .. Length((int)record.Length), .. record.ToArray()];
        var decoded = BatchDecoder.Decode(whole, TimeProvider.System.GetUtcNow(), out var fault);
        Assert.Null(fault);
        WorkloadDirectory.Known? previous = null;
        return directory.Find(decoded, decoded.Records[0], 0, ref previous);
    }

    private static byte[] Length(int length) => length < 128 ? [(byte)length] : [(byte)(length | 0x80), (byte)(length >> 7)];
}
