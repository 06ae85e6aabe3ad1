using System.Text.Json;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Enforcement;

/// <summary>A workload over its quota stands still on the real kernel, and runs again by every way out.</summary>
public sealed class FreezeTests
{
    private const string Container = "fee1dead00000000000000000000000000000000000000000000000000000000";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_container_over_its_quota_is_frozen_and_freed_by_a_kill_a_release_an_edit_and_a_stop()
    {
        await using var up = ServiceProcess.Up(new Dictionary<string, string?> { ["METERING__Enforcement__Actions"] = "cgroup.freeze" });
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        await using var top = TestCgroup.Create();
        var container = top.Child($"docker-{Container}.scope");
        var bystander = top.Child("other");
        container.Burn();
        bystander.Burn();

        await PutAsync(up, top, limit: 0.2m);
        await FrozenAsync(container, true);
        Assert.Equal("0", Text(bystander, "cgroup.freeze"));
        var row = Assert.Single(await RowsAsync(up));
        Assert.Equal((container.Path, "cgroup.freeze"), (row.GetProperty("path").GetString(), row.GetProperty("action").GetString()));
        var audit = await up.GetAsync("v1/audit?limit=10", Cancel);
        Assert.Contains(audit.GetProperty("entries").EnumerateArray(), entry => entry.GetProperty("action").GetString() == "enforcement.begin" && entry.GetProperty("actor").GetString() == "quota:fee");

        // A process that was killed leaves it frozen; the next one frees it before it hears of its orders again.
        await up.KillAsync(Cancel);
        Assert.Equal("1", Text(container, "cgroup.freeze"));
        up.Start();
        await up.Child.WaitUntilAsync(_ => Task.FromResult(up.Output.Contains("the agent was started", StringComparison.Ordinal)), "it was freed at the start", Soon, Cancel);
        await up.ReadyAsync(Cancel);
        await FrozenAsync(container, true);

        await up.SendAsync(HttpMethod.Post, "v1/enforcement/release", new { path = container.Path }, Cancel);
        await FrozenAsync(container, false);
        Assert.NotEqual(JsonValueKind.Null, Assert.Single(await RowsAsync(up)).GetProperty("releasedAt").ValueKind);

        // More is allowed: it is over no more. Then less: it fires anew.
        await PutAsync(up, top, limit: 1_000_000);
        await up.Child.WaitUntilAsync(async token => (await up.GetAsync("v1/quotas/fee", token)).GetProperty("state").GetString() == "ok", "it was resolved", Soon, Cancel);
        await PutAsync(up, top, limit: 0.2m);
        await FrozenAsync(container, true);
        await PutAsync(up, top, limit: 1_000_000);
        await FrozenAsync(container, false);

        await PutAsync(up, top, limit: 0.2m);
        await FrozenAsync(container, true);
        await up.StopAsync(Cancel);
        Assert.Equal("0", Text(container, "cgroup.freeze"));
        up.SaidNoStackTrace();
    }

    [Fact]
    public async Task Nothing_is_done_on_a_host_that_does_not_permit_it()
    {
        await using var up = ServiceProcess.Up();
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        await using var top = TestCgroup.Create();
        var container = top.Child($"docker-{Container}.scope");
        container.Burn();

        await PutAsync(up, top, limit: 0.2m);
        await up.Child.WaitUntilAsync(_ => Task.FromResult(up.Output.Contains("this host permits no action", StringComparison.Ordinal)), "it was refused", Soon, Cancel);

        Assert.Equal("0", Text(container, "cgroup.freeze"));
    }

    private static Task<JsonElement> PutAsync(ServiceProcess up, TestCgroup top, decimal limit) => up.SendAsync(
        HttpMethod.Put, "v1/quotas/fee", new { subject = new { workload = new { path = top.Path + "/docker-*" } }, meter = "cpuSeconds", window = "month", limit, enforce = new { action = "cgroup.freeze" } }, Cancel);

    private static async Task<List<JsonElement>> RowsAsync(ServiceProcess up) => [.. (await up.GetAsync("v1/enforcement", Cancel)).EnumerateArray()];

    private static async Task FrozenAsync(TestCgroup cgroup, bool frozen)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (Text(cgroup, "cgroup.freeze") != (frozen ? "1" : "0"))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Soon, frozen ? "It was not frozen." : "It was not freed.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, Cancel);
        }
    }

    private static string Text(TestCgroup cgroup, string file) => File.ReadAllText("/sys/fs/cgroup/unified" + cgroup.Path + "/" + file).Trim();
}
