using System.Text.RegularExpressions;
using Metering.Agent.Workloads;
using Metering.Agent.Workloads.Names;
using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>Containers, units and sessions made by the real programs of Debian 12: each is recognised by the path that it really has, and billed as a whole.</summary>
[Collection(GuestGroup.Name)]
public sealed class RuntimeTests(GuestMachine guest)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    // What starts it, the path it gets, the kind it is. A plain OCI runtime has no path of its own kind: the path is its name.
    [Theory]
    [InlineData("podman, systemd", @"^/machine\.slice/libpod-[0-9a-f]{64}\.scope$", "podman")]
    [InlineData("podman, cgroupfs", "^/libpod_parent/libpod-[0-9a-f]{64}$", "podman")]
    [InlineData("lxc", @"^/lxc\.payload\.guestbox$", "lxc")]
    [InlineData("lxc monitor", @"^/lxc\.monitor\.guestbox$", "lxc")]
    [InlineData("systemd-nspawn", @"^/machine\.slice/machine-nspawnbox\.scope$", "systemd-nspawn")]
    [InlineData("crun, systemd", @"/crun-crun-systemd\.scope$", "systemd-scope")]
    [InlineData("runc, systemd", @"/runc-runc-systemd\.scope$", "systemd-scope")]
    [InlineData("crun, cgroupfs", "/crun-plain$", "raw")]
    [InlineData("runc, cgroupfs", "/runc-plain$", "raw")]
    [InlineData("unit", @"^/system\.slice/known-service\.service$", "systemd-service")]
    [InlineData("scope in a slice", @"^/known\.slice/known-tenant\.slice/known-scope\.scope$", "systemd-scope")]
    [InlineData("slice", @"^/known\.slice/known-tenant\.slice$", "systemd-slice")]
    [InlineData("session", @"^/user\.slice/user-1000\.slice/session-[^/]+\.scope$", "user-session")]
    [InlineData("user manager", @"^/user\.slice/user-1000\.slice/user@1000\.service/init\.scope$", "user-session")]
    [InlineData("service that holds this", @"^/system\.slice/metering\.service$", "systemd-service")]
    public async Task A_real_path_is_recognised_and_its_usage_is_of_that_kind(string what, string path, string kind)
    {
        var report = await guest.ReportAsync(Cancel);

        var known = report.Identified.Keys.Where(key => Regex.IsMatch(key, path, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5))).ToList();
        Assert.True(known.Count == 1, $"{what}: {known.Count} paths like {path} among\n{string.Join('\n', report.Identified.Keys)}");
        Assert.Equal(kind, report.Identified[known[0]].GetProperty("kind").GetString());
        Assert.Equal(kind, Assert.Single(report.Usage, row => row.Path == known[0]).Kind);
    }

    [Theory]
    [InlineData("podman", @"^/machine\.slice/libpod-")]
    [InlineData("podman", "^/libpod_parent/libpod-")]
    [InlineData("lxc", @"^/lxc\.payload\.")]
    [InlineData("systemd-nspawn", @"^/machine\.slice/machine-")]
    public async Task A_container_is_billed_as_one_and_to_the_microsecond(string kind, string path)
    {
        var report = await guest.ReportAsync(Cancel);
        var row = Assert.Single(report.Usage, row => Regex.IsMatch(row.Path, path, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5)));

        Assert.Equal(kind, row.Kind);
        Assert.InRange(report.BilledCpuMicroseconds(row.Path), report.KernelCpu("before", row.Path), report.KernelCpu("last", row.Path));
        Assert.InRange(row.Quantities.GetProperty("memoryByteSeconds").GetDecimal(), 1, decimal.MaxValue);
        Assert.InRange(row.Quantities.GetProperty("pidsPeak").GetInt64(), 1, 50);
    }

    [Fact]
    public async Task Containers_have_the_names_that_people_gave_them()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal("guestbox", Assert.Single(report.Usage, row => row.Path == "/lxc.payload.guestbox").Name);
        Assert.Equal("nspawnbox", Assert.Single(report.Usage, row => row.Path == "/machine.slice/machine-nspawnbox.scope").Name);
        Assert.Equal("web", Assert.Single(report.Usage, row => row.Path == $"/machine.slice/libpod-{report.Text("podman.systemd")}.scope").Name);
        Assert.Equal("db", Assert.Single(report.Usage, row => row.Path == $"/libpod_parent/libpod-{report.Text("podman.cgroupfs")}").Name);
    }

    // The guest's own names came from these files; a name that is the last part of the path would have come from there as well.
    [Theory]
    [InlineData("/run/crun/crun-plain/status", "/crun-plain$", "crun-plain", "runtime.name", "crun")]
    [InlineData("/run/crun/crun-systemd/status", @"/crun-crun-systemd\.scope$", "crun-systemd", "runtime.name", "crun")]
    [InlineData("/run/runc/runc-plain/state.json", "/runc-plain$", "runc-plain", "runtime.name", "runc")]
    [InlineData("/run/runc/runc-systemd/state.json", @"/runc-runc-systemd\.scope$", "runc-systemd", "runtime.name", "runc")]
    [InlineData("/run/systemd/machines/nspawnbox", @"^/machine\.slice/machine-nspawnbox\.scope$", "nspawnbox", "machine.class", "container")]
    [InlineData("/var/lib/lxc/guestbox/config", @"^/lxc\.payload\.guestbox$", "guestbox", "guest.hostname", "guestbox")]
    public async Task State_files_that_the_runtimes_wrote_there_tell_names_and_labels(string file, string path, string name, string label, string value)
    {
        var report = await guest.ReportAsync(Cancel);
        using var root = new Line.TestDirectory();
        Directory.CreateDirectory(root.Path + Path.GetDirectoryName(file));
        await File.WriteAllTextAsync(root.Path + file, report.Text("state" + file), Cancel);
        var workload = new WorkloadRecogniser().Recognise(Assert.Single(report.Identified.Keys, key => Regex.IsMatch(key, path, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5))));

        var found = new NameResolver(new LabelChoice(), root.Path).Resolve(workload);

        Assert.Equal((name, value), (found.Name, found.Labels.GetValueOrDefault(label)));
    }

    [Fact]
    public async Task Usage_by_kind_has_a_row_for_each()
    {
        var report = await guest.ReportAsync(Cancel);
        var kinds = report.Json("kinds").GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("key").GetProperty("kind").GetString()!).ToHashSet(StringComparer.Ordinal);

        Assert.Superset(new HashSet<string>(StringComparer.Ordinal) { "podman", "lxc", "systemd-nspawn", "systemd-service", "systemd-scope", "systemd-slice", "user-session", "system", "raw" }, kinds);
    }

    [Fact]
    public async Task Nothing_that_was_to_be_started_failed()
    {
        var report = await guest.ReportAsync(Cancel);

        foreach (var name in (string[])["crun-plain", "crun-systemd", "runc-plain", "runc-systemd", "podman.systemd", "podman.cgroupfs", "lxc"])
            Assert.True(report.Text(name + ".exit") == "0", $"{name} ended with {report.Text(name + ".exit")}: {report.Text(name + ".error", "")}");
    }
}
