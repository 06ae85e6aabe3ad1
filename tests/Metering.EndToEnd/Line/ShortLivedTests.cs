using System.Globalization;
using Metering.Agent;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.EndToEnd.Servers;
using Metering.Messages;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>A thousand cgroups that live shorter than a pass, on the kernel's own tree, beside what each of them read of itself before it was removed.</summary>
public sealed class ShortLivedTests(ITestOutputHelper output)
{
    // Each lives 20 ms and more; its counter is read when its last process has been waited for. $1 parent, $2 how many, $3 the name, with % for the number.
    private const string Script = """
        i=0
        while [ $i -lt $2 ]; do
          i=$((i+1)); n=$(echo "$3" | sed "s/%/$i/")
          mkdir "$1/$n" && sh -c 'echo 0 > "$1/cgroup.procs"; j=0; while [ $j -lt 300 ]; do j=$((j+1)); done; exec sleep 0.02' x "$1/$n"
          read -r key used < "$1/$n/cpu.stat"
          rmdir "$1/$n" && echo "$n $used"
        done
        """;

    private const int Runs = 4;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_at_a_time_each_is_billed_what_its_own_counter_said()
    {
        // Where this process is not given a processor for a whole life of a cgroup, as on a machine that does much else, two ends fall between two readings: then all is done again.
        for (var run = 1; ; run++)
        {
            await using var top = TestCgroup.Create();
            TestCgroup[] parents = [top.Child("a"), top.Child("b"), top.Child("c"), top.Child("d")];
            string[] names = ["c%", "c%", "same", "same"];
            var (truth, billed, _) = await RunAsync(top, [.. parents.Select((parent, i) => (parent, 250, names[i]))]);
            Assert.Equal(1000, truth.Count);
            var estimated = billed.Count(end => end.How == Origin.Estimated);
            output.WriteLine($"{estimated} estimated");
            if (estimated > 0 && run < Runs) continue;
            Assert.Equal(0, estimated);
            Compare(truth, billed);
            return;
        }
    }

    [Fact]
    public async Task Twenty_at_a_time_the_sum_is_their_parents_growth()
    {
        await using var top = TestCgroup.Create();
        var parent = top.Child("p");

        var (truth, billed, counters) = await RunAsync(top, [.. Enumerable.Range(0, 20).Select(i => (parent, 50, i < 15 ? $"l{i}-%" : $"same{i}"))]);

        Assert.Equal(1000, truth.Count);
        output.WriteLine($"estimated {(double)counters.EstimatedMicroseconds / truth.Sum(end => end.Microseconds):P3}");
        Assert.True(counters.SettledMicroseconds > 0);
    }

    // One path has many lives, in the same order on both sides.
    private static void Compare(List<(string Path, long Microseconds)> truth, List<(string Path, long Microseconds, Origin How)> billed)
    {
        foreach (var path in truth.Select(end => end.Path).Distinct())
        {
            var (said, bill) = (truth.Where(end => end.Path == path).ToList(), billed.Where(end => end.Path == path).ToList());
            Assert.Equal(said.Count, bill.Count);
            for (var i = 0; i < said.Count; i++)
                Assert.True(Math.Abs(said[i].Microseconds - bill[i].Microseconds) <= 3, $"{path} {i}: {said[i].Microseconds} µs used, {bill[i].Microseconds} µs billed, {bill[i].How}");
        }
    }

    // Σ billed = the parent's growth, in either case.
    private async Task<(List<(string Path, long Microseconds)> Truth, List<(string Path, long Microseconds, Origin How)> Billed, PassCounters Counters)> RunAsync(
        TestCgroup top, (TestCgroup Parent, int Count, string Name)[] lanes)
    {
        var root = CgroupMounts.Read().Unified + top.Path;
        using var tree = new KernelTree(root);
        var meterer = new Meterer(tree, path => new Workload { Kind = WorkloadKinds.Raw, Id = path, Name = path, Path = path }, new PassOptions(Memory: false, Io: false, Pids: false));
        var billed = new List<(string, long, Origin)>();
        using var stop = new CancellationTokenSource();
        meterer.Run(0, Posix.BootMicroseconds());
        meterer.Journalled();
        var metering = Task.Factory.StartNew(() => Meter(tree, meterer, billed, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var truth = new List<(string, long)>();
        try
        {
            await Task.WhenAll(lanes.Select(async lane =>
            {
                await using var shell = ChildProcess.Start("sh", ["-c", Script, "sh", CgroupMounts.Read().Unified + lane.Parent.Path, lane.Count.ToString(CultureInfo.InvariantCulture), lane.Name]);
                await shell.WaitForExitAsync(TimeSpan.FromSeconds(100), Cancel);
                lock (truth)
                {
                    foreach (var words in shell.Output.Split('\n').Select(line => line.Split(' ')).Where(words => words.Length == 2))
                        truth.Add((lane.Parent.Path[top.Path.Length..] + "/" + words[0], long.Parse(words[1], CultureInfo.InvariantCulture)));
                }
            }));
        }
        finally
        {
            await stop.CancelAsync();
            tree.Interrupt();
            await metering;
        }

        var counters = meterer.Counters;
        output.WriteLine($"settled {counters.SettledMicroseconds} µs, estimated {counters.EstimatedMicroseconds} µs, never opened {counters.NeverOpened}, emptied read {counters.EmptiedRead}, settlements {counters.Settlements}, unquiet {counters.Unquiet}");
        foreach (var parent in lanes.Select(lane => lane.Parent).Distinct())
        {
            var node = Assert.Single(meterer.Nodes, node => top.Path + node.Path == parent.Path);
            Assert.Equal(parent.UsageMicroseconds - (long)node.Cpu.Base, (long)(node.Cpu.Own + node.Cpu.Dead));
        }

        Assert.Equal(0, counters.SandwichFailures);
        meterer.CloseAll();
        return (truth, billed, counters);
    }

    private static void Meter(KernelTree tree, Meterer meterer, List<(string Path, long Microseconds, Origin How)> billed, CancellationToken stop)
    {
        // As the agent's own thread.
        Posix.TryBeNice(MeteringAgent.Urgent);
        var last = false;
        for (long pass = 1; !last; pass++)
        {
            last = stop.IsCancellationRequested;
            meterer.Run(pass * 500_000, Posix.BootMicroseconds());
            billed.AddRange(meterer.Ended.Select(node => (node.Path, (long)node.Cpu.Own, node.GivenAs)));
            meterer.Journalled();
            var until = Posix.BootMicroseconds() + 500_000;
            for (long? at = 0; !stop.IsCancellationRequested && Posix.BootMicroseconds() < until;)
            {
                if (at is not null || tree.WaitForEvents(TimeSpan.FromMilliseconds(20))) at = meterer.Follow(Posix.BootMicroseconds());
            }
        }
    }
}
