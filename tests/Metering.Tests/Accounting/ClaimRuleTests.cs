using Metering.Agent.Accounting;
using Metering.Agent.Workloads;
using Metering.Tests.Simulation;
using Xunit;

namespace Metering.Tests.Accounting;

/// <summary>The claim rule against a moving tree, beside the rule that everyone tries first.</summary>
public sealed class ClaimRuleTests
{
    [Fact]
    public void Claims_never_overbill_and_are_exact_once_the_children_are_gone()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var tree = new FakeTree(random);
            for (var i = 0; i < 20; i++) tree.Step();
            var meterer = new Meterer(tree, Raw, new PassOptions(Memory: false, Io: false, Pids: false));
            tree.Lively = false;
            var first = tree.Root.ShownMicroseconds;
            for (var pass = 1; pass <= 40; pass++)
            {
                tree.Pass++;
                meterer.Run(pass * 10_000_000L);
                meterer.Journalled();
                tree.Lively = true;
                Assert.True(Billed(meterer.Root) <= tree.Root.ShownMicroseconds - first, $"seed {seed}, pass {pass}");
                for (var i = random.Next(15); i > 0; i--) tree.Step();
            }

            tree.Lively = false;
            foreach (var child in tree.Root.Children.ToArray()) tree.Kill(child);
            meterer.Run(500_000_000);
            meterer.Run(510_000_000);

            Assert.True(Billed(meterer.Root) == tree.Root.ShownMicroseconds - first, $"seed {seed}: {Billed(meterer.Root)} of {tree.Root.ShownMicroseconds - first}");
        }
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void Rounding_alone_overbills_unless_a_microsecond_is_held_per_child(int held, bool overbills)
    {
        var over = 0;
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var nanoseconds = new ulong[20];
            var account = new Account();
            for (var pass = 0; pass < 400; pass++)
            {
                for (var i = 0; i < nanoseconds.Length; i++)
                {
                    if (random.Next(2) == 0) nanoseconds[i] += (ulong)random.Next(3000);
                }

                var parent = nanoseconds.Aggregate(0UL, (sum, one) => sum + one) / 1000;
                var below = nanoseconds.Aggregate(0UL, (sum, one) => sum + one / 1000);
                account.Reading = parent;
                account.Settle(below, (ulong)(held * nanoseconds.Length));
                if (below + account.Own > parent) over++;
            }
        }

        Assert.Equal(overbills, over > 0);
    }

    [Fact]
    public void State_that_was_stored_and_read_back_goes_on_as_if_nothing_had_happened()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            var tree = new FakeTree(random);
            for (var i = 0; i < 40; i++) tree.Step();
            var meterer = new Meterer(tree, Raw, new PassOptions(Memory: false, Pids: false));
            var first = tree.Root.ShownMicroseconds;
            tree.Lively = false;
            for (var pass = 1; pass <= 20; pass++)
            {
                meterer.Run(pass * 10_000_000L);
                meterer.Journalled();
                var stored = new ProtoBuffer();
                foreach (var node in meterer.Nodes) StateCodec.WriteNode(stored, node);
                meterer.CloseAll();
                tree.CloseAll();

                meterer = new Meterer(tree, Raw, new PassOptions(Memory: false, Pids: false));
                meterer.Restore(StateCodec.Replay([stored.ToArray()], Raw));
                for (var i = 0; i < 10; i++) tree.Step();
            }

            foreach (var child in tree.Root.Children.ToArray()) tree.Kill(child);
            meterer.Run(500_000_000);
            meterer.Run(510_000_000);

            Assert.True(Billed(meterer.Root) == tree.Root.ShownMicroseconds - first, $"seed {seed}: {Billed(meterer.Root)} of {tree.Root.ShownMicroseconds - first}");
        }
    }

    private static ulong Billed(CgroupNode node) => node.Cpu.Own + node.Cpu.Dead + node.Children.Where(child => !child.Gone).Aggregate(0UL, (sum, child) => sum + Billed(child));

    private static Workload Raw(string path) => new() { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path };
}
