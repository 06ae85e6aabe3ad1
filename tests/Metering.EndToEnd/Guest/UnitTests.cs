using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>The units of <c>deploy/systemd</c> under a real systemd: they run with the rights that they say, and meter.</summary>
[Collection(GuestGroup.Name)]
public sealed class UnitTests(GuestMachine guest)
{
    private const string Limited = "NoNewPrivs:\t1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_that_enrolled_meters_the_whole_machine_with_two_capabilities()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal("0", report.Text("unit.enroll.exit"));
        Assert.True(report.Text("unit.agent.state") == "active 0", report.Text("unit.agent.log"));
        Assert.Contains("\"unit\"", report.Text("unit.hosts"), StringComparison.Ordinal);
        Assert.Contains("/system.slice/metering-agent.service", report.Text("unit.usage"), StringComparison.Ordinal);
        var status = report.Text("unit.agent.status");
        Assert.Contains(Limited, status, StringComparison.Ordinal);
        Assert.Contains("CapEff:\t0000000000080004", status, StringComparison.Ordinal);
        Assert.Contains("CapBnd:\t0000000000080004", status, StringComparison.Ordinal);
        Assert.DoesNotContain("Uid:\t0\t", status, StringComparison.Ordinal);
        Assert.Contains("Seccomp:\t2", status, StringComparison.Ordinal);
        Assert.Matches("Max nice priority +30 ", report.Text("unit.agent.limits"));
        Assert.Equal("-10", report.Text("unit.priorities"));
    }

    [Fact]
    public async Task The_service_runs_without_any_right_and_both_stop_cleanly()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.True(report.Text("unit.service.state") == "active 0", report.Text("unit.service.log"));
        var status = report.Text("unit.service.status");
        Assert.Contains(Limited, status, StringComparison.Ordinal);
        Assert.Contains("CapBnd:\t0000000000000000", status, StringComparison.Ordinal);
        Assert.Contains("Seccomp:\t2", status, StringComparison.Ordinal);
        Assert.DoesNotContain("Uid:\t0\t", status, StringComparison.Ordinal);
        Assert.Equal("success success", report.Text("unit.stop.results"));
    }
}
