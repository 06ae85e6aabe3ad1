using System.Globalization;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Kernel;

/// <summary>The product with few descriptors, from its start on and when they run out under it.</summary>
public sealed class FewDescriptorsTests(ITestOutputHelper output)
{
    private const int Cgroups = 300;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(60)]
    [InlineData(200)]
    public async Task An_agent_that_has_too_few_for_itself_says_so_in_a_sentence(int limit)
    {
        await using var agent = ChildProcess.Start("prlimit", [$"--nofile={limit}:{limit}", AgentProcess.Program, "--data", "/dev/null/none"]);

        Assert.Equal(1, await agent.WaitForExitAsync(Limit, Cancel));
        Assert.StartsWith($"metering-agent: this process may open {limit} files, and needs 256 for itself; raise the limit", Assert.Single(agent.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task So_does_a_service()
    {
        await using var up = ChildProcess.Start("prlimit", ["--nofile=400:400", "dotnet", MeteringProcess.Library, "up", "--data", "/dev/null/none"]);

        Assert.Equal(1, await up.WaitForExitAsync(Limit, Cancel));
        Assert.StartsWith("metering: this process may open 400 files, and needs 512 for itself", Assert.Single(up.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_fewer_than_there_are_cgroups_each_is_billed_exactly()
    {
        await using var top = TestCgroup.Create();
        await using var up = ServiceProcess.Up(under: ["prlimit", "--nofile=560:560"]);
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        var cgroups = Enumerable.Range(0, Cgroups).Select(i => top.Child($"c{i}")).ToArray();
        foreach (var cgroup in cgroups.Where((_, i) => i % 10 == 0)) cgroup.Spend(1_000);
        await up.Child.WaitUntilAsync(async token => AgentMetric(await up.TextAsync("metrics", "text/plain", token), "cgroups") > Cgroups, "all were met", Limit, Cancel);

        var metrics = await up.TextAsync("metrics", "text/plain", Cancel);
        Assert.Equal(0, AgentMetric(metrics, "degraded{reason=\"no-descriptors\"}"));
        Assert.Equal(0, AgentMetric(metrics, "read_errors_total"));
        await EndAsync(cgroups, top, up);
        Assert.InRange(Descriptors(up.Child.Id), 100, 560);
    }

    [Fact]
    public async Task When_they_run_out_it_is_named_and_nothing_is_lost()
    {
        await using var top = TestCgroup.Create();
        await using var up = ServiceProcess.Up();
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        var before = Enumerable.Range(0, 20).Select(i => top.Child($"before{i}")).ToArray();
        foreach (var cgroup in before) cgroup.Spend(1_000);
        await up.SeenAsync(before[19].Path, Cancel);
        var resident = Resident(up.Child.Id);

        // Below what it has open: nothing more can be opened, by nobody in the process.
        await SetLimitAsync(up.Child.Id, 64);
        var during = Enumerable.Range(0, Cgroups).Select(i => top.Child($"during{i}")).ToArray();
        foreach (var cgroup in during.Where((_, i) => i % 10 == 0)) cgroup.Spend(1_000);
        foreach (var cgroup in before) cgroup.Spend(1_000);
        await up.Child.WaitForLineAsync("(no-descriptors)", Limit, Cancel);
        foreach (var cgroup in before[..10]) await cgroup.RemoveAsync();

        await SetLimitAsync(up.Child.Id, 20_000);
        await up.ReadyAsync(Cancel);
        await up.Child.WaitUntilAsync(
            async token => AgentMetric(await up.TextAsync("metrics", "text/plain", token), "degraded{reason=\"no-descriptors\"}") == 0, "it was over", Limit, Cancel);
        foreach (var cgroup in during.Where((_, i) => i % 10 == 0)) cgroup.Spend(500);
        await EndAsync([.. before, .. during], top, up);

        var metrics = await up.TextAsync("metrics", "text/plain", Cancel);
        Assert.Equal(0, AgentMetric(metrics, "conservation_failures_total"));
        Assert.True(AgentMetric(metrics, "no_descriptors_total") > 0);
        output.WriteLine($"resident {resident} KiB before, {Resident(up.Child.Id)} KiB after");
        Assert.InRange(Resident(up.Child.Id), 1, resident + 150_000);
        await using var doctor = MeteringProcess.Launch(["doctor", "--data", up.Directory.Path, "--url", up.Url], new Dictionary<string, string?> { ["METERING_KEY"] = ServiceProcess.AdminKey });
        await doctor.WaitForExitAsync(Limit, Cancel);
        Assert.Contains("no descriptor", doctor.Output, StringComparison.Ordinal);
        await up.StopAsync(Cancel);
    }

    // While children live, each holds back a microsecond; when they are gone the sum is the kernel's.
    private static async Task EndAsync(TestCgroup[] cgroups, TestCgroup top, ServiceProcess up)
    {
        foreach (var cgroup in cgroups) await cgroup.RemoveAsync();
        await up.BilledAsync(top, Cancel);
        up.SaidNoStackTrace();
    }

    private static Task SetLimitAsync(int process, int limit) => ChildProcess.RunAsync("prlimit", ["--pid", process.ToString(CultureInfo.InvariantCulture), $"--nofile={limit}:"], Limit, Cancel);

    private static int Descriptors(int process) => Directory.EnumerateFileSystemEntries($"/proc/{process}/fd").Count();

    private static long Resident(int process) =>
        long.Parse(File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    internal static double AgentMetric(string metrics, string name) =>
        double.Parse(metrics.Split('\n').First(line => line.StartsWith($"metering_agent_{name} ", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture);
}
