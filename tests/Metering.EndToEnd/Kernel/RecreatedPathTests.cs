using Metering.EndToEnd.Line;
using Xunit;

namespace Metering.EndToEnd.Kernel;

/// <summary>A path that is made again is another cgroup: the kernel's inode tells, and each is billed its own.</summary>
public sealed class RecreatedPathTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Each_instance_that_a_pass_has_seen_is_billed_its_own_use()
    {
        await using var top = TestCgroup.Create();
        var parent = top.Child("p");
        using var passes = new KernelPasses(top);
        passes.Pass();
        passes.Pass();
        var used = new List<long>();
        for (var i = 0; i < 8; i++)
        {
            await using var same = parent.Child("same");
            same.Spend(1_000 * (i + 1));
            used.Add(same.UsageMicroseconds);
            passes.Pass();
            Assert.InRange((long)passes.Node(same).Cpu.Own, used[i] - 1, used[i]);

            // Where the next one begins, the last one has ended, and nobody was asked between.
            same.Spend(500);
            used[i] = same.UsageMicroseconds;
            await same.RemoveAsync();
        }

        passes.Pass();

        var billed = passes.Ended.Where(end => end.Path == parent.Path + "/same").ToList();
        Assert.Equal(used.Count, billed.Count);
        Assert.Equal(used.Count, billed.Select(end => end.Inode).Distinct().Count());
        for (var i = 0; i < used.Count; i++) Assert.InRange(billed[i].Microseconds, used[i] - 3, used[i] + 3);
        Assert.Equal(parent.UsageMicroseconds, (long)passes.Node(parent).Cpu.Own + billed.Sum(end => end.Microseconds));
        Assert.Equal(0, passes.Counters.SandwichFailures);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Several_between_two_passes_are_several_and_their_sum_is_exact(bool followed)
    {
        await using var top = TestCgroup.Create();
        var parent = top.Child("p");
        using var passes = new KernelPasses(top);
        passes.Pass();
        passes.Pass();
        var (instances, used) = (0, new List<long>());
        for (var pass = 0; pass < 6; pass++)
        {
            for (var i = 0; i < 4; i++, instances++)
            {
                await using var same = parent.Child("same");
                if (followed) passes.Follow();
                same.Spend(800);
                used.Add(same.UsageMicroseconds);
                if (followed) passes.Follow();
                await same.RemoveAsync();
                if (followed) passes.Follow();
            }

            passes.Pass();
            Assert.Equal(parent.UsageMicroseconds, passes.Billed(parent));
        }

        var billed = passes.Ended.Where(end => end.Path == parent.Path + "/same").ToList();
        Assert.Equal(instances, billed.Count);
        Assert.Equal(instances, billed.Select(end => end.Inode).Distinct().Count());
        Assert.Equal(0, passes.Counters.SandwichFailures);
        if (followed) Assert.All(billed.Zip(used), pair => Assert.InRange(pair.First.Microseconds, pair.Second - 3, pair.Second + 3));
    }

    [Fact]
    public async Task Made_again_at_any_moment_of_a_pass_the_sum_is_exact()
    {
        await using var top = TestCgroup.Create();
        var parent = top.Child("p");
        var same = parent.Child("same");
        var (at, instances, calls) = (-1, 1, 0);
        using var passes = new KernelPasses(top, wrap: tree => new HookedTree(tree, call =>
        {
            calls++;
            if (call != at) return;
            if (!same.TryRemove()) throw new InvalidOperationException("it is busy");
            same = parent.Child("same");
            instances++;
            same.Spend(300);
        }));
        passes.Pass();
        passes.Pass();

        // Each call that a pass makes is a moment in it; where it makes fewer, the next one has it.
        for (var moment = 0; moment < 24; moment++)
        {
            same.Spend(300);
            at = calls + moment;
            passes.Pass();
            Assert.InRange(passes.Billed(parent), 0, parent.UsageMicroseconds);
        }

        at = -1;
        passes.Pass();
        await same.RemoveAsync();
        passes.Pass();
        passes.Pass();

        output.WriteLine($"{instances} instances, {calls} calls");
        Assert.True(instances >= 8, $"{instances} instances");
        Assert.Equal(parent.UsageMicroseconds, passes.Billed(parent));
        Assert.Equal(instances, passes.Ended.Where(end => end.Path == parent.Path + "/same").Select(end => end.Inode).Distinct().Count());
        Assert.Equal(0, passes.Counters.SandwichFailures);
        await same.DisposeAsync();
    }
}
