using System.Text.RegularExpressions;
using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>The runtimes that take minutes to start on an emulated processor; only with <c>tests/run --guest-full</c>.</summary>
[Collection(GuestGroup.Name)]
[Trait("guest", "full")]
public sealed class FullRuntimeTests(GuestMachine guest)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("docker.systemd", @"^/system\.slice/docker-[0-9a-f]{64}\.scope$", "docker")]
    [InlineData("docker.cgroupfs", "^/docker/[0-9a-f]{64}$", "docker")]
    [InlineData("podman.split", @"^/system\.slice/quadlet\.service/libpod-payload-[0-9a-f]{64}$", "podman")]
    [InlineData("podman.rootless", @"^/user\.slice/user-1000\.slice/user@1000\.service/user\.slice/libpod-[0-9a-f]{64}\.scope$", "podman")]
    public async Task A_real_path_is_recognised_and_billed(string what, string path, string kind)
    {
        if (!GuestMachine.Full) Assert.Skip("Only with tests/run --guest-full.");
        var report = await guest.ReportAsync(Cancel);

        Assert.True(report.Text(what + ".exit") == "0", $"{what} ended with {report.Text(what + ".exit")}: {report.Text(what + ".error", "")}");
        var known = report.Identified.Keys.Where(key => Regex.IsMatch(key, path, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5))).ToList();
        Assert.True(known.Count == 1, $"{what}: {known.Count} paths like {path} among\n{string.Join('\n', report.Identified.Keys)}");
        Assert.Equal(kind, report.Identified[known[0]].GetProperty("kind").GetString());

        // With --cgroups=split the unit is the container, and is billed as one.
        var billed = what == "podman.split" ? report.Identified[known[0]].GetProperty("id").GetString()! : known[0];
        Assert.Equal(kind, Assert.Single(report.Usage, row => row.Path == billed).Kind);
        Assert.InRange(report.BilledCpuMicroseconds(billed), report.KernelCpu("before", billed), report.KernelCpu("last", billed));
    }
}
