using System.Diagnostics;
using System.Globalization;
using Metering.Agent.Accounting;
using Metering.EndToEnd.Line;
using Xunit;

namespace Metering.EndToEnd.Kernel;

/// <summary>Fifty thousand cgroups of the kernel's own tree, with every meter that it gives here. By itself: agents of other tests would meet them all.</summary>
[Collection(Name)]
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class ManyCgroupsTests(ITestOutputHelper output)
{
    private const string Name = "many cgroups";
    private const int Count = 50_000;

    [Fact]
    public async Task Fifty_thousand_are_metered_exactly_in_bounded_memory_with_few_descriptors()
    {
        await using var top = TestCgroup.Create();
        var parent = top.Child("p");
        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var passes = new KernelPasses(top, new PassOptions(KeptCpuDescriptors: 1_000, KeptDescriptors: 100, MaxWorkloadsPerParent: 1_000_000));
        passes.Pass();
        var cgroups = new TestCgroup[Count];
        for (var i = 0; i < Count; i++) cgroups[i] = parent.Child("c" + i);
        Timed("the first pass over all", passes.Pass);

        // More births than the kernel queues: events were lost, and the tree was listed anew.
        if (int.Parse(await File.ReadAllTextAsync("/proc/sys/fs/inotify/max_queued_events", TestContext.Current.CancellationToken), CultureInfo.InvariantCulture) < Count) Assert.True(passes.Counters.Overflows > 0);
        for (var i = 0; i < Count; i += 2_500) cgroups[i].Spend(1_000);
        Timed("a pass with twenty that moved", passes.Pass);
        Assert.Equal(Count + 2, passes.Meterer.Nodes.Count);
        for (var i = 0; i < Count; i += 2_500) Assert.Equal(cgroups[i].UsageMicroseconds, (long)passes.Node(cgroups[i]).Cpu.Own);
        Assert.InRange(passes.Billed(parent), parent.UsageMicroseconds - Count, parent.UsageMicroseconds);
        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / Count;
        output.WriteLine($"{each} bytes of managed memory for each, with what the test keeps of it");
        Assert.InRange(each, 1, 4096);
        foreach (var cgroup in cgroups) Assert.True(cgroup.TryRemove());
        Timed("a pass with all of them gone", passes.Pass);
        passes.Pass();

        Assert.Equal(parent.UsageMicroseconds, passes.Billed(parent));
        Assert.Equal(2, passes.Meterer.Nodes.Count);
        Assert.Equal(0, passes.Counters.SandwichFailures);

        void Timed(string what, Action action)
        {
            var began = Stopwatch.GetTimestamp();
            action();
            output.WriteLine($"{what}: {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms");
        }
    }
}
