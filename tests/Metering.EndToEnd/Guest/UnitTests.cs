using System.Globalization;
using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>The units of <c>deploy/systemd</c> under a real systemd and the AppArmor profile in force: they run with the rights that they say and no others, and meter.</summary>
[Collection(GuestGroup.Name)]
public sealed class UnitTests(GuestMachine guest)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_agent_that_enrolled_and_was_killed_bills_what_the_kernel_counted()
    {
        var report = await ReportAsync();

        Assert.Contains("enrolled as host unit", report.Text("unit.enroll"), StringComparison.Ordinal);
        Assert.True(report.Text("unit.agent.state") == "success 1 active", report.Text("unit.agent.log"));
        var rows = report.Json("unit.usage").GetProperty("rows").EnumerateArray().Select(row => new GuestUsage(row.GetProperty("key").GetProperty("workload"), row.GetProperty("quantities"))).Where(row => row.Host == "unit").ToDictionary(row => row.Path, StringComparer.Ordinal);
        Assert.Equal(report.Number("unit.kernel"), rows["/busy"].Quantities.GetProperty("cpuSeconds").GetDecimal() * 1_000_000);

        // Of the whole machine, and not of what a unit of systemd could be shown of it.
        Assert.Contains("/system.slice/metering-service.service", rows.Keys);
        Assert.Contains("/init.scope", rows.Keys);

        // By the service that 'up' left its ledger to.
        Assert.True(report.Text("unit.service.state") == "success 0 active", report.Text("unit.service.log"));
        Assert.True(report.Json("unit.verify").GetProperty("done").GetProperty("ok").GetBoolean(), report.Text("unit.verify"));
    }

    [Theory]
    [InlineData("service", "0000000000000000", "unconfined")]
    [InlineData("agent", "0000000000080004", "metering-agent (enforce)")]
    public async Task It_has_the_rights_that_its_unit_says_and_no_others(string unit, string capabilities, string profile)
    {
        var report = await ReportAsync();
        var status = report.Text($"unit.{unit}.status").Split('\n').Select(line => line.Split(":\t")).Where(line => line.Length == 2).ToDictionary(line => line[0], line => line[1].Trim(), StringComparer.Ordinal);

        // CAP_DAC_READ_SEARCH is bit 2, CAP_SYS_PTRACE bit 19.
        foreach (var set in (string[])["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) Assert.Equal((set, capabilities), (set, status[set]));
        Assert.Equal("1", status["NoNewPrivs"]);
        Assert.Equal("2", status["Seccomp"]);
        Assert.Equal("0077", status["Umask"]);
        Assert.All(status["Uid"].Split('\t'), id => Assert.InRange(int.Parse(id, CultureInfo.InvariantCulture), 61184, 65519));
        Assert.Equal(profile, report.Text($"unit.{unit}.confined"));

        // Tried as root inside of its mounts: its state and a /tmp of its own, nothing else; not the cgroup tree either.
        Assert.Equal($"/var/lib/metering{(unit == "agent" ? "-agent" : "")}\n/tmp", report.Text($"unit.{unit}.writable"));
    }

    [Fact]
    public async Task The_agent_reads_first_and_may_keep_a_descriptor_for_each_cgroup()
    {
        var report = await ReportAsync();

        Assert.Equal("-10", report.Text("unit.agent.priority"));
        Assert.Matches("Max open files +1048576 +1048576 ", report.Text("unit.agent.limits"));
        Assert.Matches("Max core file size +0 +0 ", report.Text("unit.agent.limits"));
    }

    [Fact]
    public async Task AppArmor_denied_nothing_that_it_does_and_what_it_never_does()
    {
        var report = await ReportAsync();

        Assert.True(report.Text("unit.profile.exit") == "0", report.Text("unit.profile.error", ""));
        Assert.Equal("", report.Text("unit.denied"));
        Assert.Contains("profile=\"metering-agent\"", report.Text("unit.denied.shadow"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Both_stop_when_they_are_told_and_say_nothing_that_is_not_a_sentence()
    {
        var report = await ReportAsync();

        // A unit that had to be killed at its limit ends with the result "timeout".
        foreach (var unit in (string[])["service", "agent"])
        {
            Assert.Equal("success 0", report.Text($"unit.{unit}.end"));
            Assert.DoesNotContain("   at ", report.Text($"unit.{unit}.log"), StringComparison.Ordinal);
            Assert.DoesNotContain("fail:", report.Text($"unit.{unit}.log"), StringComparison.Ordinal);
        }
    }

    private async Task<GuestReport> ReportAsync()
    {
        var report = await guest.ReportAsync(Cancel);
        if (report.Has("unit.trouble")) Assert.Fail($"{report.Text("unit.trouble")}\nThe service's log:\n{report.Text("unit.service.log")}\nThe agent's log:\n{report.Text("unit.agent.log")}");
        return report;
    }
}
