using Metering.Agent.Accounting;
using Metering.Agent.Workloads;
using Metering.Tests.Simulation;
using Xunit;

namespace Metering.Tests.Accounting;

/// <summary>Memory that is not read because it can not have changed is billed as if it had been read at every pass.</summary>
public sealed class HeldMemoryTests
{
    private const long Interval = 10_000_000, Bucket = 900_000_000;
    private const int Passes = 150;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Reading_less_bills_every_instance_the_same(int seed)
    {
        var (sparing, all) = (Live(seed, prune: true), Live(seed, prune: false));

        Assert.True(sparing.Files < all.Files);
        Assert.Equal(all.Own, sparing.Own);
        Assert.Equal(all.Used, sparing.Used);

        // What is billed is what the top held, no more and no less.
        Assert.Equal(sparing.Used, sparing.Own.Values.Aggregate(0UL, (sum, own) => sum + own));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_can_not_be_read_for_a_while_is_billed_once(int seed)
    {
        var (own, used, _) = Live(seed, prune: seed % 2 == 0, unreadable: 0.2);

        Assert.Equal(used, own.Values.Aggregate(0UL, (sum, of) => sum + of));
    }

    // The world holds its breath while it is read, so that both see the same.
    private static (SortedDictionary<ulong, ulong> Own, ulong Used, long Files) Live(int seed, bool prune, double unreadable = 0)
    {
        var tree = new FakeTree(new Random(1), new Random(seed)) { Lively = false, Memory = true };
        var (random, counters) = (new Random(seed), new PassCounters());
        for (var i = 0; i < 60; i++) tree.Step();
        var options = new PassOptions(Prune: prune, Slow: false, Pids: false);
        var meterer = new Meterer(tree, Recognise, options, counters: counters);
        var stored = new List<byte[]>();
        var own = new SortedDictionary<ulong, ulong>();
        var now = Bucket;
        for (var pass = 0; pass < Passes; pass++)
        {
            foreach (var cgroup in tree.Root.All().Skip(1)) cgroup.MemoryUnreadable = random.NextDouble() < unreadable;
            meterer.Run(now += Interval);
            foreach (var node in meterer.Nodes.Concat(meterer.Ended))
            {
                if (node.Memory is { Account.Own: > 0 } memory) own[node.Inode] = memory.Account.Own;
            }

            stored.Add(Store(meterer));
            meterer.Journalled();
            if (random.Next(20) == 0)
            {
                tree.CloseAll();
                meterer = new Meterer(tree, Recognise, options, counters: counters);
                meterer.Restore(StateCodec.Replay(stored, Recognise));
                meterer.HeldUntil(now);
            }

            // Mostly nothing happens, so that there is something to be held.
            for (var steps = random.Next(4) == 0 ? random.Next(1, 4) : 0; steps > 0; steps--) tree.Step();
            if (random.Next(2) == 0) meterer.Follow(now + (Interval / 2));
        }

        return (own, meterer.Root.Memory!.Account.Used, counters.FilesRead);
    }

    // As the journal does: what is new, and what has ended.
    private static byte[] Store(Meterer meterer)
    {
        var state = new ProtoBuffer();
        foreach (var node in meterer.Ended) StateCodec.WriteEnded(state, node);
        foreach (var node in meterer.Touched.Where(node => !node.Gone)) StateCodec.WriteNode(state, node);
        return state.ToArray();
    }

    private static Workload Recognise(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };
}
