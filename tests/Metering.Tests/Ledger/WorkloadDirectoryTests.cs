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
        var directory = new WorkloadDirectory(Bound);
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
}
