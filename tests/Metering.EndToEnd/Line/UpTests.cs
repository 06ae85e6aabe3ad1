using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>The one-command line against the kernel's own counters.</summary>
public sealed class UpTests(UpLine line) : IClassFixture<UpLine>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_newborn_cgroup_is_billed_from_zero_to_the_microsecond()
    {
        var up = await line.GetAsync(Cancel);
        await using var cgroup = TestCgroup.Create();

        await cgroup.BurnForAsync(TimeSpan.FromSeconds(2), Cancel);

        Assert.True(cgroup.UsageMicroseconds > 100_000);
        await up.BilledAsync(cgroup, Cancel);
        var row = Assert.Single(await up.CpuAsync(cgroup.Path, Cancel));
        Assert.Equal(cgroup.Path, row.Key);
    }

    [Fact]
    public async Task A_cgroup_that_was_there_before_the_first_pass_is_billed_from_its_baseline()
    {
        var up = await line.GetAsync(Cancel);

        await line.Older.BurnForAsync(TimeSpan.FromSeconds(1), Cancel);

        Assert.True(line.OlderBefore > 10_000);
        await up.BilledAsync(line.Older, Cancel, notBilled: line.OlderBefore);
    }

    [Fact]
    public async Task Nested_cgroups_sum_up_to_their_parent_once_they_are_gone()
    {
        var up = await line.GetAsync(Cancel);
        await using var parent = TestCgroup.Create();
        var (left, right) = (parent.Child("left"), parent.Child("right"));
        var deep = left.Child("deep");
        foreach (var cgroup in new[] { parent, left, right, deep }) cgroup.Burn();
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, Cancel);
        await up.SeenAsync(deep.Path, Cancel);

        // One of them ends unseen, with what it burnt since the last pass.
        await left.RemoveAsync();
        await right.StopAsync();
        await parent.StopAsync();
        await right.RemoveAsync();

        await up.BilledAsync(parent, Cancel);
        var used = await up.CpuAsync(parent.Path, Cancel);
        Assert.Equal([parent.Path, left.Path, deep.Path, right.Path], used.Keys.Order().ToArray());
        Assert.All(used.Values, cpu => Assert.True(cpu > 0));
    }

    [Fact]
    public async Task A_cgroup_that_lives_for_less_than_a_pass_is_billed_within_its_parent()
    {
        var up = await line.GetAsync(Cancel);
        await using var parent = TestCgroup.Create();
        for (var i = 0; i < 5; i++)
        {
            var brief = parent.Child($"brief-{i}");
            await brief.BurnForAsync(TimeSpan.FromMilliseconds(120), Cancel);
            await brief.RemoveAsync();
        }

        await up.BilledAsync(parent, Cancel);
    }

    [Fact]
    public async Task In_an_ordinary_run_less_than_a_thousandth_is_estimated()
    {
        var up = await line.GetAsync(Cancel);

        // The machine belongs to others too: where they take every processor for the life of a job, two ends fall into one reading. That is no ordinary run.
        decimal estimated = 1;
        for (var run = 0; run < 4 && estimated > 0.001m; run++) estimated = await OrdinaryRunAsync(up);

        Assert.InRange(estimated, 0, 0.001m);
    }

    private static async Task<decimal> OrdinaryRunAsync(ServiceProcess up)
    {
        await using var parent = TestCgroup.Create();
        var (long1, long2, jobs) = (parent.Child("a"), parent.Child("b"), parent.Child("jobs"));
        long1.Burn();
        long2.Burn();
        for (var i = 0; i < 40; i++)
        {
            var job = jobs.Child($"job-{i % 10}");
            job.Spend(3_000);
            await job.RemoveAsync();
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancel);
        }

        foreach (var cgroup in new[] { long1, long2, jobs }) await cgroup.RemoveAsync();
        await up.BilledAsync(parent, Cancel);
        var row = Assert.Single((await up.GetAsync($"v1/usage?filter={Uri.EscapeDataString($"path:{parent.Path}*")}", Cancel)).GetProperty("rows").EnumerateArray());
        return row.GetProperty("estimatedShare").GetDecimal();
    }
}
