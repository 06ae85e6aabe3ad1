using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service.Reports;
using Xunit;

namespace Metering.Tests.Cli;

public sealed class ProofTallyTests
{
    private static readonly DateTimeOffset At = new(2026, 10, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Usage_of_the_path_and_below_is_added_and_others_are_not()
    {
        var tally = new ProofTally("/a");
        tally.Add(Batch("boot", Usage("/a", 1, 100, 100), Usage("/a/x", 2, 0, 5), Usage("/ab", 3, 0, 1000)));
        tally.Add(Batch("boot", Usage("/a", 1, 100, 130), Usage("/a/x", 2, 5, 9)));

        var view = tally.View("h", At)!;
        Assert.Equal((1UL, 100L, 39L, 0L), (view.Inode, view.BeforeMeteringMicroseconds, view.LedgerMicroseconds, view.HeldMicroseconds));
    }

    [Fact]
    public void An_earlier_instance_at_the_path_does_not_count()
    {
        var tally = new ProofTally("/a");
        tally.Add(Batch("boot", Usage("/a", 1, 0, 50), Usage("/a/x", 2, 0, 7)));
        tally.Add(Batch("boot", Usage("/a", 1, 50, 60, final: true), Usage("/a/x", 2, 7, 8, final: true), Usage("/a", 9, 0, 3)));

        Assert.Equal((9UL, 3L), (tally.View("h", At)!.Inode, tally.View("h", At)!.LedgerMicroseconds));
    }

    [Fact]
    public void Another_boot_is_another_instance()
    {
        var tally = new ProofTally("/a");
        tally.Add(Batch("one", Usage("/a", 1, 0, 50)));
        tally.Add(Batch("two", Usage("/a", 1, 0, 4)));
        Assert.Equal(4, tally.View("h", At)!.LedgerMicroseconds);
    }

    [Fact]
    public void What_is_held_is_what_the_reading_has_over_what_was_published()
    {
        var tally = new ProofTally("/a");
        var batch = Batch("boot", Usage("/a", 1, 0, 10), Usage("/a/x", 2, 0, 5));
        batch.Parents.Add(new Parent { Path = "/a", Inode = 1, Before = 16, After = 16, Own = 10, Below = 5, Held = 1 });
        tally.Add(batch);
        Assert.Equal(1, tally.View("h", At)!.HeldMicroseconds);
    }

    [Fact]
    public void What_was_held_and_then_published_is_held_no_more()
    {
        var tally = new ProofTally("/a");
        var batch = Batch("boot", Usage("/a", 1, 0, 10), Usage("/a/x", 2, 0, 5), Usage("/a/x/y", 3, 0, 2));
        batch.Parents.Add(new Parent { Path = "/a", Inode = 1, Before = 19, After = 19, Own = 10, Below = 7, Held = 2 });
        batch.Parents.Add(new Parent { Path = "/a/x", Inode = 2, Before = 8, After = 8, Own = 5, Below = 2, Held = 1 });
        tally.Add(batch);
        Assert.Equal(3, tally.View("h", At)!.HeldMicroseconds);

        tally.Add(Batch("boot", Usage("/a/x", 2, 5, 6), Usage("/a/x/y", 3, 2, 2, final: true)));
        Assert.Equal(2, tally.View("h", At)!.HeldMicroseconds);
        tally.Add(Batch("boot", Usage("/a", 1, 10, 12)));
        Assert.Equal((0L, 20L), (tally.View("h", At)!.HeldMicroseconds, tally.View("h", At)!.LedgerMicroseconds));
    }

    [Fact]
    public void What_was_held_and_then_given_to_who_ended_is_held_no_more()
    {
        var tally = new ProofTally("/a");
        var batch = Batch("boot", Usage("/a", 1, 0, 10), Usage("/a/x", 2, 0, 5), Usage("/a/x/y", 3, 0, 2));
        batch.Parents.Add(new Parent { Path = "/a", Inode = 1, Before = 21, After = 21, Own = 10, Below = 7, Held = 4 });
        batch.Parents.Add(new Parent { Path = "/a/x", Inode = 2, Before = 8, After = 8, Own = 5, Below = 2, Held = 1 });
        tally.Add(batch);
        Assert.Equal(5, tally.View("h", At)!.HeldMicroseconds);

        var ended = Usage("/a/x/y", 3, 2, 3, final: true);
        ended.Origin = Origin.Settled;
        tally.Add(Batch("boot", ended));
        Assert.Equal(4, tally.View("h", At)!.HeldMicroseconds);

        ended = Usage("/a/x", 2, 5, 9, final: true);
        ended.Origin = Origin.Estimated;
        tally.Add(Batch("boot", ended));
        Assert.Equal((0L, 22L), (tally.View("h", At)!.HeldMicroseconds, tally.View("h", At)!.LedgerMicroseconds));
    }

    [Fact]
    public void A_path_that_was_never_named_is_unknown() => Assert.Null(new ProofTally("/a").View("h", At));

    private static UsageBatch Batch(string boot, params WorkloadUsage[] records)
    {
        var batch = new UsageBatch { Host = "h", BootId = boot, WindowEnd = Timestamp.FromDateTimeOffset(At) };
        batch.Workloads.Add(records);
        return batch;
    }

    private static WorkloadUsage Usage(string path, ulong inode, ulong start, ulong end, bool final = false)
    {
        var usage = new WorkloadUsage { Kind = "raw", Id = path, Path = path, Inode = inode, Final = final };
        usage.Meters.Add(new MeterReading { Meter = "cpuMicroseconds", Start = start, End = end, Quantity = end - start });
        return usage;
    }
}
