using System.Globalization;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Kernel;

/// <summary>A cgroup2 mount that goes away under the product and comes back, in a mount namespace of its own.</summary>
public sealed class VanishingTreeTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_cgroup_is_taken_for_ended_and_none_is_billed_twice()
    {
        await using var top = TestCgroup.Create();
        var child = top.Child("c");
        using var mount = new TestDirectory();
        await using var up = ServiceProcess.Up(
            new Dictionary<string, string?> { ["METERING__Agent__CgroupRoot"] = mount.Path }, under: ["unshare", "-m", "sh", "-c", $"mount -t cgroup2 none {mount.Path} && exec \"$@\"", "sh"]);
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        child.Spend(20_000);
        var fresh = top.Child("fresh");
        fresh.Spend(5_000);
        await up.SeenAsync(fresh.Path, Cancel);

        await InNamespaceAsync("umount", "-l", mount.Path);
        await up.Child.WaitForLineAsync("(tree-gone)", Limit, Cancel);
        child.Spend(5_000);
        var unseen = top.Child("unseen");
        unseen.Spend(5_000);
        await up.Child.WaitUntilAsync(
            async token => FewDescriptorsTests.AgentMetric(await up.TextAsync("metrics", "text/plain", token), "degraded{reason=\"tree-gone\"}") == 1, "the metrics named it", Limit, Cancel);
        await InNamespaceAsync("mount", "-t", "cgroup2", "none", mount.Path);
        await up.Child.WaitUntilAsync(
            async token => FewDescriptorsTests.AgentMetric(await up.TextAsync("metrics", "text/plain", token), "degraded{reason=\"tree-gone\"}") == 0, "it was over", Limit, Cancel);

        // What it used while it could not be met is its parent's own.
        fresh.Spend(5_000);
        await up.SeenAsync(fresh.Path, Cancel);
        for (var i = 0; i < 5; i++)
        {
            unseen.Spend(2_000);
            await Task.Delay(TimeSpan.FromMilliseconds(400), TimeProvider.System, Cancel);
        }

        await up.SeenAsync(unseen.Path, Cancel);
        foreach (var cgroup in new[] { child, fresh, unseen }) await cgroup.RemoveAsync();
        await up.BilledAsync(top, Cancel);
        Assert.Equal(0, FewDescriptorsTests.AgentMetric(await up.TextAsync("metrics", "text/plain", Cancel), "conservation_failures_total"));
        up.SaidNoStackTrace();

        Task InNamespaceAsync(params string[] command) =>
            ChildProcess.RunAsync("nsenter", ["-t", up.Child.Id.ToString(CultureInfo.InvariantCulture), "-m", .. command], Limit, Cancel);
    }
}
