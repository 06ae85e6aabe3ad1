using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Xunit;

namespace Metering.Tests.Identity;

/// <summary>What can not be read costs fineness, never exactness, and has a name.</summary>
public sealed class DegradedTests
{
    private readonly DegradedStates _states = new();
    private long _now;

    [Fact]
    public void Without_watches_every_directory_is_listed_and_nothing_is_lost()
    {
        var tree = new TroubledTree(5) { WatchError = -Posix.ENOSPC };
        var meterer = New(tree);
        Pass(meterer);
        tree.Usage[3] = 500;
        Pass(meterer);

        Assert.InRange(Billed(meterer), 500UL - 5, 500UL);
        Says("no-watches");
    }

    [Fact]
    public void Unreadable_children_are_billed_to_their_parent_until_they_can_be_read()
    {
        var tree = new TroubledTree(5) { OpenError = child => child == 2 ? -Posix.EACCES : 0 };
        var meterer = New(tree);
        Pass(meterer);
        tree.Usage[2] = 700;
        tree.Usage[1] = 300;
        Pass(meterer);

        Assert.InRange(Billed(meterer), 1000UL - 5, 1000UL);
        Assert.InRange(meterer.Root.Cpu.Own, 700UL - 5, 701UL);
        Says("unreadable");

        tree.OpenError = _ => 0;
        Pass(meterer);
        Pass(meterer);
        Assert.Null(_states.Text);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(600)]
    public void Without_descriptors_sums_are_exact(int limit)
    {
        var tree = new TroubledTree(500) { Limit = limit };
        var meterer = New(tree, kept: 20);
        Pass(meterer);
        for (var round = 0; round < 5; round++)
        {
            for (var i = 0; i < 500; i++) tree.Usage[i] += (ulong)i;
            if (round == 2) tree.Limit = 22; // someone else has taken the rest
            Pass(meterer);
            Assert.InRange(Billed(meterer), tree.Total - 500, tree.Total);
        }

        Assert.InRange(tree.MostOpen, 1, 25);
        Assert.Equal(501, meterer.Nodes.Count);
    }

    [Fact]
    public void When_there_are_none_at_all_it_is_said_and_the_parent_has_it()
    {
        var tree = new TroubledTree(50);
        var meterer = New(tree, kept: 10);
        Pass(meterer);
        tree.Limit = 0;
        tree.Usage[7] = 900;
        tree.Usage[40] = 400;
        Pass(meterer);
        Says("no-descriptors");

        tree.Limit = 1000;
        Pass(meterer);
        Assert.InRange(Billed(meterer), 1300UL - 50, 1300UL);
        Assert.Null(_states.Text);
    }

    [Fact]
    public void A_tree_that_vanishes_ends_no_cgroup_and_bills_none_again_when_it_is_back()
    {
        var tree = new TroubledTree(20);
        for (var i = 0; i < 20; i++) tree.Usage[i] = 1_000_000_000;
        var meterer = New(tree, kept: 4);
        Pass(meterer);
        tree.RootExtra = 100;
        tree.Mounted = false;
        Pass(meterer);
        Says("tree-gone");
        Assert.Equal(21, meterer.Nodes.Count);

        tree.Mounted = true;
        tree.Usage[15] += 5000;
        Pass(meterer);

        Assert.InRange(Billed(meterer), 5100UL - 20, 5100UL);
        Assert.Null(_states.Text);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Who_is_born_while_nothing_can_be_listed_counts_from_where_it_is_met(bool treeGone)
    {
        var tree = new TroubledTree(3) { WatchError = -Posix.ENOSPC, Born = 2 };
        var meterer = New(tree);
        Pass(meterer);
        Pass(meterer);
        (tree.Unlistable, tree.Mounted, tree.Born) = (!treeGone, !treeGone, 3);
        (tree.Usage[0], tree.Usage[2]) = (300, 500);
        Pass(meterer);
        Pass(meterer);
        Says(treeGone ? "tree-gone" : "unreadable");
        Assert.InRange(Billed(meterer), 800UL - 3, 800UL);

        (tree.Unlistable, tree.Mounted) = (false, true);
        tree.Usage[2] += 40;
        Pass(meterer);
        tree.Usage[2] += 60;
        Pass(meterer);

        Assert.Equal(4, meterer.Nodes.Count);
        Assert.InRange(Billed(meterer), 900UL - 3, 900UL);
        Assert.Equal(0, meterer.Counters.SandwichFailures);
        Assert.DoesNotContain(_states.Now, state => state.Reason is "tree-gone" or "unreadable");
    }

    [Fact]
    public void Fifty_thousand_cgroups_are_metered_in_bounded_memory()
    {
        var tree = new TroubledTree(50_000) { Limit = 4096 };
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var meterer = New(tree, kept: 1000, names: 1_000_000);
        Pass(meterer);
        for (var i = 0; i < 50_000; i++) tree.Usage[i] += 10;
        Pass(meterer);

        Assert.Equal(50_001, meterer.Nodes.Count);
        Assert.InRange(Billed(meterer), tree.Total - 50_000, tree.Total);
        Assert.InRange((GC.GetTotalMemory(forceFullCollection: true) - before) / 50_000, 1, 2048);
        GC.KeepAlive(meterer);
    }

    private void Says(string reason)
    {
        Assert.Contains(_states.Now, state => state.Reason == reason);
        Assert.Contains(reason, _states.Text);
    }

    private Meterer New(TroubledTree tree, int kept = int.MaxValue, int names = 10_000) =>
        new(tree, MeteredTree.Raw, new PassOptions(Memory: false, Io: false, Pids: false, Slow: false, KeptCpuDescriptors: kept, MaxWorkloadsPerParent: names));

    private void Pass(Meterer meterer)
    {
        meterer.Run(_now += 10_000_000);
        _states.After(meterer.Counters);
        meterer.Journalled();
    }

    private static ulong Billed(Meterer meterer) => meterer.Nodes.Aggregate(0UL, (sum, node) => sum + node.Cpu.Own + node.Cpu.Dead);
}
