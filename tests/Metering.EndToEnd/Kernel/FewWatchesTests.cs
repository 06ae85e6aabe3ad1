using Metering.EndToEnd.Line;
using Xunit;

namespace Metering.EndToEnd.Kernel;

/// <summary>The product where inotify has no more to give: in a user namespace with limits of its own (namespaces(7), /proc/sys/user), so that nothing else on the host notices.</summary>
public sealed class FewWatchesTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("max_inotify_watches", 40)]
    [InlineData("max_inotify_instances", 0)]
    public async Task Every_cgroup_is_found_by_listing_and_sums_are_exact(string what, int limit)
    {
        await using var top = TestCgroup.Create();
        await using var up = ServiceProcess.Up(under: ["unshare", "-Ur", "sh", "-c", $"echo {limit} > /proc/sys/user/{what} && exec \"$@\"", "sh"]);
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        var cgroups = Enumerable.Range(0, 100).Select(i => top.Child($"c{i}")).ToArray();
        foreach (var cgroup in cgroups.Where((_, i) => i % 5 == 0)) cgroup.Spend(1_000);
        await up.Child.WaitForLineAsync("(no-watches)", Limit, Cancel);
        await up.Child.WaitUntilAsync(async token => FewDescriptorsTests.AgentMetric(await up.TextAsync("metrics", "text/plain", token), "cgroups") > 100, "all were met", Limit, Cancel);
        foreach (var cgroup in cgroups.Where((_, i) => i % 5 == 0)) await up.SeenAsync(cgroup.Path, Cancel);

        var metrics = await up.TextAsync("metrics", "text/plain", Cancel);
        Assert.Equal(1, FewDescriptorsTests.AgentMetric(metrics, "degraded{reason=\"no-watches\"}"));
        await using var doctor = MeteringProcess.Launch(["doctor", "--data", up.Directory.Path, "--url", up.Url], new Dictionary<string, string?> { ["METERING_KEY"] = ServiceProcess.AdminKey });
        await doctor.WaitForExitAsync(Limit, Cancel);
        Assert.True(doctor.Output.Contains("no-watches, some cgroups can not be watched", StringComparison.Ordinal), doctor.Output);
        Assert.StartsWith("no-watches: ", (await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts")[0].GetProperty("degraded").GetString(), StringComparison.Ordinal);

        // Born and gone between two passes, unseen: their parent's counter has it.
        for (var i = 0; i < 5; i++)
        {
            await using var brief = top.Child("brief");
            brief.Spend(1_000);
        }

        foreach (var cgroup in cgroups) await cgroup.RemoveAsync();
        await up.BilledAsync(top, Cancel);

        Assert.Equal(0, FewDescriptorsTests.AgentMetric(await up.TextAsync("metrics", "text/plain", Cancel), "conservation_failures_total"));
        up.SaidNoStackTrace();
    }
}
