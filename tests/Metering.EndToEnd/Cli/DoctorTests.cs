using System.Text.Json;
using Metering.Agent.Cgroups;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary>What <c>doctor</c> says where there is little to meter; each host is made of this one's mounts, in a mount namespace of its own.</summary>
public sealed class DoctorTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_cgroups_it_says_what_to_mount_and_up_does_not_start()
    {
        var (exit, checks, meters) = await RunAsync("umount -l -R /sys/fs/cgroup && ");

        Assert.Equal(1, exit);
        Assert.Equal(("failure", "Neither cgroup2 nor v1 cpuacct is mounted here"), checks["cgroup tree"]);
        Assert.Empty(meters);
        await using var up = ChildProcess.Start("unshare", ["-m", "sh", "-c", $"umount -l -R /sys/fs/cgroup && exec dotnet {MeteringProcess.Library} up --data /dev/null/none"]);
        Assert.Equal(1, await up.WaitForExitAsync(Limit, Cancel));
        Assert.StartsWith("metering: ", Assert.Single(up.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_v1_alone_everything_is_best_effort_and_nothing_is_wrong()
    {
        var mounts = CgroupMounts.Read();
        if (!mounts.V1.ContainsKey("cpuacct")) Assert.Skip("This host has no v1 cpuacct.");

        var (exit, checks, meters) = await RunAsync($"umount {mounts.Unified} && ");

        Assert.Equal(0, exit);
        Assert.Equal(("ok", mounts.V1["cpuacct"] + ", v1 cpuacct"), checks["cgroup tree"]);
        Assert.StartsWith("CPU is metered in v1: there is no cgroup2 here; v1 has ", checks["hierarchies"].Finding, StringComparison.Ordinal);
        Assert.Equal("best-effort", meters["cpu"]);
        Assert.DoesNotContain(checks.Values, check => check.State == "failure");
    }

    [Fact]
    public async Task With_cgroup2_alone_nothing_is_said_of_v1()
    {
        var (exit, checks, meters) = await RunAsync("umount -l -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && ");

        Assert.Equal(0, exit);
        Assert.Equal(("ok", "cgroup v2 only"), checks["hierarchies"]);
        Assert.Equal("exact", meters["cpu"]);
    }

    [Theory]
    [InlineData("/etc", "'/etc' has neither cgroup.controllers (cgroup2) nor cpuacct.usage (v1), so that no CPU time can be read there")]
    [InlineData("/none", "there is no directory '/none'")]
    public async Task A_root_that_is_no_tree_is_refused_here_and_by_the_agent(string root, string finding)
    {
        var (exit, checks, meters) = await RunAsync("", "--cgroup-root", root);

        Assert.Equal(1, exit);
        Assert.Equal(("failure", finding), checks["cgroup tree"]);
        Assert.Empty(meters);
        using var directory = new TestDirectory();
        await using var up = MeteringProcess.Launch(["up", "--data", directory.Path, "--url", $"http://127.0.0.1:{Ports.Free()}"], new Dictionary<string, string?> { ["METERING__Agent__CgroupRoot"] = root });
        Assert.Equal(2, await up.WaitForExitAsync(Limit, Cancel));
        Assert.Contains(root, Assert.Single(up.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cgroup_that_may_not_be_read_is_named_to_who_may_not()
    {
        await using var top = TestCgroup.Create();
        File.SetUnixFileMode($"{CgroupMounts.Read().Unified}{top.Path}/cpu.stat", UnixFileMode.None);

        var (exit, checks, _) = await RunAsync("", "--cgroup-root", CgroupMounts.Read().Unified, as65534: true);

        Assert.Equal(1, exit);
        Assert.Equal("failure", checks["permission"].State);
        Assert.Contains("cpu.stat of 1 of ", checks["permission"].Finding, StringComparison.Ordinal);
        Assert.Equal("warning", checks["names"].State);
    }

    private static Task<(int Exit, Dictionary<string, (string State, string Finding)> Checks, Dictionary<string, string> Meters)> RunAsync(string before, params string[] options) => RunAsync(before, options, false);

    private static Task<(int Exit, Dictionary<string, (string State, string Finding)> Checks, Dictionary<string, string> Meters)> RunAsync(string before, string option, string value, bool as65534) =>
        RunAsync(before, [option, value], as65534);

    private static async Task<(int Exit, Dictionary<string, (string State, string Finding)> Checks, Dictionary<string, string> Meters)> RunAsync(string before, string[] options, bool as65534)
    {
        _ = CgroupMounts.Read();
        ServerPackages.RequireRoot("mounts are changed in a namespace");
        using var directory = new TestDirectory();
        File.SetUnixFileMode(directory.Path, (UnixFileMode)0x1FF);
        var user = as65534 ? "setpriv --reuid 65534 --regid 65534 --clear-groups " : "";
        await using var doctor = ChildProcess.Start(
            "unshare", ["-m", "sh", "-c", $"{before}exec {user}dotnet {MeteringProcess.Library} doctor --format json --url http://127.0.0.1:9 --data {directory.Path}/data \"$@\"", "sh", .. options],
            new Dictionary<string, string?> { ["HOME"] = directory.Path, ["DOTNET_CLI_HOME"] = directory.Path });
        var exit = await doctor.WaitForExitAsync(Limit, Cancel);
        using var json = JsonDocument.Parse(doctor.Output);
        return (exit,
            json.RootElement.GetProperty("checks").EnumerateArray().ToDictionary(check => check.GetProperty("name").GetString()!, check => (check.GetProperty("state").GetString()!, check.GetProperty("finding").GetString()!)),
            json.RootElement.GetProperty("meters").EnumerateArray().ToDictionary(meter => meter.GetProperty("family").GetString()!, meter => meter.GetProperty("availability").GetString()!));
    }
}
