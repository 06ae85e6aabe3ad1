using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>What a host with cgroup v2 alone offers, and what metering it costs there.</summary>
[Collection(GuestGroup.Name)]
public sealed class GuestHostTests(GuestMachine guest)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_controller_is_on()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Superset(new HashSet<string>(StringComparer.Ordinal) { "cpuset", "cpu", "io", "memory", "hugetlb", "pids" }, report.Text("controllers").Split(' ').ToHashSet(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("memory")]
    [InlineData("io")]
    [InlineData("pids")]
    public async Task Doctor_says_that_the_meters_are_exact(string family)
    {
        var report = await guest.ReportAsync(Cancel);
        var meter = report.Json("doctor").GetProperty("meters").EnumerateArray().Single(row => row.GetProperty("family").GetString() == family);

        Assert.Equal("exact", meter.GetProperty("availability").GetString());
    }

    [Fact]
    public async Task Doctor_finds_a_pure_v2_host_that_can_be_metered()
    {
        var report = await guest.ReportAsync(Cancel);
        var checks = report.Json("doctor").GetProperty("checks").EnumerateArray().ToDictionary(row => row.GetProperty("name").GetString()!, row => row, StringComparer.Ordinal);

        Assert.Equal("0", report.Text("doctor.exit"));
        Assert.Equal("cgroup v2 only", checks["hierarchies"].GetProperty("finding").GetString());
        Assert.DoesNotContain(checks.Values, check => check.GetProperty("state").GetString() == "failure");
    }

    [Fact]
    public async Task The_root_cgroup_is_the_system_itself()
    {
        var report = await guest.ReportAsync(Cancel);
        var root = Assert.Single(report.Usage, row => row.Path == "/");

        Assert.Equal("system", root.Kind);
        Assert.True(root.Quantities.TryGetProperty("cpuSeconds", out _), root.Quantities.ToString());
    }

    [Fact]
    public async Task It_says_nothing_that_is_not_a_sentence()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.DoesNotContain("   at ", report.Text("up.log"));
        Assert.DoesNotContain("fail:", report.Text("up.log"));
        Assert.DoesNotContain("warn:", report.Text("up.log"));
    }

    [Fact]
    public async Task A_pass_allocates_nothing()
    {
        var report = await guest.ReportAsync(Cancel);
        var cost = report.Json("passes");
        TestContext.Current.SendDiagnosticMessage("doctor --passes in the guest: {0}", cost);

        Assert.Equal("0", report.Text("passes.exit"));
        Assert.InRange(cost.GetProperty("cgroups").GetInt32(), 20, 1000);

        // Of the whole process: a handful of bytes in all its passes is the runtime's own.
        Assert.InRange(cost.GetProperty("bytesAllocatedPerPass").GetDouble(), 0, 64);
    }

    [Fact]
    public async Task Agent_and_service_together_fit_into_little_memory()
    {
        var report = await guest.ReportAsync(Cancel);
        var status = report.Text("agent.status").Split('\n');
        long Kibibytes(string key) => long.Parse(status.Single(line => line.StartsWith(key, StringComparison.Ordinal)).Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        TestContext.Current.SendDiagnosticMessage("metering up in the guest: {0} KiB resident, {1} KiB anonymous, {2} B charged to its cgroup.", Kibibytes("VmRSS:"), Kibibytes("RssAnon:"), report.Text("agent.memory"));

        Assert.InRange(Kibibytes("RssAnon:"), 1, 200_000);
    }
}
