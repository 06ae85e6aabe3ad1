using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Kernel;

/// <summary>A controller that is switched off and on makes its files anew; its cgroups live on. With hugetlb, the one controller that cgroup2 has on a hybrid host too.</summary>
public sealed class ToggledControllerTests(ITestOutputHelper output)
{
    private const string HugePages = "/proc/sys/vm/nr_hugepages";

    // Touches two pages of 2 MiB: mmap(NULL, 4 MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB), then read(2) into them.
    private const string Hold = "$|=1; my $at = syscall(9, 0, 4<<20, 3, 0x40022, -1, 0); exit 1 if $at == -1; open Z, '<', '/dev/zero'; syscall(0, fileno(Z), $at, 4<<20); print qq(held\\n); sleep 1000";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Its_end_is_not_the_cgroups_end()
    {
        await using var top = Toggled();
        await using var child = top.Child("c");
        using var tree = new KernelTree(CgroupMounts.Read().Unified + top.Path);
        var cpu = tree.OpenInstance("/c", out var inode);
        var file = tree.OpenFile("/c", inode, "hugetlb.2MB.current");
        var buffer = new byte[256];
        Assert.True(cpu >= 0 && file >= 0, $"{cpu} {file}");
        Assert.True(tree.Read(file, buffer) > 0);

        top.Write("cgroup.subtree_control", "-hugetlb");
        top.Write("cgroup.subtree_control", "+hugetlb");

        // What the meterer's rule rests on: only cpu.stat tells death.
        Assert.Equal(-Posix.ENODEV, tree.Read(file, buffer));
        Assert.True(tree.Read(cpu, buffer) > 0);
        Assert.Equal(inode, tree.InodeAt("/c"));
        tree.Close(cpu);
        tree.Close(file);
    }

    [Fact]
    public async Task Cpu_stays_exact_and_huge_pages_are_billed_only_while_they_are_counted()
    {
        await using var top = Toggled();
        var (busy, holder) = (top.Child("busy"), top.Child("holder"));
        await using var pages = await HoldAsync(holder);
        using var passes = new KernelPasses(top, new PassOptions(Prune: false, SlowEvery: 1, Memory: false, Io: false, Pids: false));
        passes.Pass();
        var (baseline, began) = (busy.UsageMicroseconds, Posix.BootMicroseconds());

        var on = true;
        ulong before = 0;
        for (var round = 0; round < 24; round++)
        {
            busy.Spend(2_000);
            if (round % 3 == 2)
            {
                top.Write("cgroup.subtree_control", on ? "-hugetlb" : "+hugetlb");
                on = !on;

                // Off and on again between two readings.
                if (round % 6 == 5) top.Write("cgroup.subtree_control", "-hugetlb");
                if (round % 6 == 5) top.Write("cgroup.subtree_control", "+hugetlb");
            }

            passes.Pass();
            var now = Tally(passes, holder);
            Assert.InRange(now, before, Most(began));
            if (!on) Assert.Equal(before, now);
            before = now;
        }

        Assert.Equal(0, passes.Counters.Deaths);
        Assert.Equal(0, passes.Counters.SandwichFailures);
        Assert.Equal(busy.UsageMicroseconds - baseline, (long)passes.Node(busy).Cpu.Own);
        Assert.Equal(0UL, Tally(passes, busy));

        output.WriteLine(pages is null ? "this kernel has no huge pages to give" : $"{before} byte-seconds of two pages");

        // The pages of the first life were counted, those of later ones are charged to a counter that is gone.
        if (pages is not null) Assert.True(before > 0, "nothing was billed while two pages were held");
        var all = passes.Meterer.Nodes.Aggregate(0UL, (sum, node) => sum + (node.Slow?.Tallies[SlowMeter.HugePages] is { } tally ? tally.Own + tally.Dead : 0));
        Assert.InRange(all, before, Most(began));

        static ulong Most(long began) => 4UL * 1024 * 1024 * (ulong)(Posix.BootMicroseconds() - began + 500_000) / 1_000_000;
    }

    private static ulong Tally(KernelPasses passes, TestCgroup cgroup) => passes.Node(cgroup).Slow!.Tallies[SlowMeter.HugePages].Own;

    private static TestCgroup Toggled()
    {
        if (!File.ReadAllText(CgroupMounts.Read().Unified + "/cgroup.subtree_control").Split((char[])[' ', '\n']).Contains("hugetlb")) Assert.Skip("cgroup2 has no hugetlb controller to toggle here.");
        var top = TestCgroup.Create();
        top.Write("cgroup.subtree_control", "+hugetlb");
        return top;
    }

    // Null where the kernel has no huge pages to give. They are asked for in addition to those there are, and given back.
    private static async Task<HeldPages?> HoldAsync(TestCgroup cgroup)
    {
        var had = int.Parse(await File.ReadAllTextAsync(HugePages, Cancel), System.Globalization.CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync(HugePages, $"{had + 2}", Cancel);
        var process = ChildProcess.Start("sh", ["-c", $"echo $$ > \"$0/cgroup.procs\" && exec perl -e '{Hold.Replace("'", "'\\''", StringComparison.Ordinal)}'", CgroupMounts.Read().Unified + cgroup.Path]);
        try
        {
            await process.WaitForLineAsync("held", TimeSpan.FromSeconds(10), Cancel);
            return new HeldPages(process, had);
        }
        catch (TimeoutException)
        {
            await process.DisposeAsync();
            await File.WriteAllTextAsync(HugePages, $"{had}", Cancel);
            return null;
        }
    }

    private sealed class HeldPages(ChildProcess process, int had) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await process.DisposeAsync();
            await File.WriteAllTextAsync(HugePages, $"{had}", CancellationToken.None);
        }
    }
}
