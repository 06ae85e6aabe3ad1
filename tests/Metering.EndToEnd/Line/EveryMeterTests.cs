using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Metering.Agent.Cgroups;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>Real cgroups of this host, v1 groups beside them, and a real network namespace, through <c>metering up</c> to the API.</summary>
public sealed class EveryMeterTests : IAsyncDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private readonly string _name = "e2e-" + RandomNumberGenerator.GetHexString(10, lowercase: true);
    private readonly List<string> _directories = [];
    private readonly List<ChildProcess> _children = [];
    private readonly ServiceProcess _up = ServiceProcess.Up();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Real_v1_groups_and_a_network_namespace_of_its_own_reach_the_api()
    {
        var mounts = Mounts();
        await _up.StartReadyAsync(Cancel);
        await _up.FirstPassAsync(Cancel);

        // Born after the first pass: everything of it is billed from zero.
        var unified = Make(mounts.Unified);
        var memory = Make(mounts.V1["memory"]);
        var pids = Make(mounts.V1["pids"]);
        var freezer = mounts.V1.TryGetValue("freezer", out var mount) ? Make(mount) : null;
        var cpu = mounts.V1.TryGetValue("cpu", out mount) ? Make(mount) : null;
        if (cpu is not null) File.WriteAllText(cpu + "/cpu.cfs_quota_us", "50000");
        File.WriteAllText(memory + "/memory.limit_in_bytes", (64 << 20).ToString(CultureInfo.InvariantCulture));
        var busy = Start("unshare", "-n", "bash", "-c", "ip link add veth0 type veth peer name veth1; ip addr add 10.9.8.1/24 dev veth0; ip link set veth0 up; ip link set veth1 up; while :; do echo x > /dev/udp/10.9.8.2/9; i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done; sleep 0.01; done");
        foreach (var group in new[] { unified, memory, pids, freezer, cpu })
        {
            if (group is not null) File.WriteAllText(group + "/cgroup.procs", busy.Id.ToString(CultureInfo.InvariantCulture));
        }

        var shared = Start("sleep", "600");
        var host = Make(mounts.Unified, "-host");
        File.WriteAllText(host + "/cgroup.procs", shared.Id.ToString(CultureInfo.InvariantCulture));

        string[] expected = ["cpuSeconds", "memoryByteSeconds", "memoryPeakBytes", "pidsPeak", "memoryReservedByteSeconds", "networkTransmitBytes", "lifetimeSeconds"];
        if (cpu is not null) expected = [.. expected, "cpuThrottledSeconds", "cpuReservedSeconds"];
        Dictionary<string, decimal> found = [];
        await _up.Child.WaitUntilAsync(async token =>
        {
            found = await UsageAsync("/" + _name, token);
            return expected.All(meter => found.GetValueOrDefault(meter) > 0);
        }, "every meter had a figure", Soon, Cancel);

        // The limit of half a processor, for as long as it was seen; the limit of 64 MiB likewise.
        Assert.True(found["memoryReservedByteSeconds"] <= (64 << 20) * (found["lifetimeSeconds"] + 1));
        if (cpu is not null) Assert.InRange(found["cpuReservedSeconds"], 0.0001m, 0.5m * (found["lifetimeSeconds"] + 1));

        await _up.Child.WaitUntilAsync(async token => (await AvailabilityAsync($"/{_name}-host", token)).TryGetProperty("network", out _), "the host's network was told", Soon, Cancel);
        Assert.StartsWith("unavailable: host network", (await AvailabilityAsync($"/{_name}-host", Cancel)).GetProperty("network").GetString(), StringComparison.Ordinal);
        Assert.False((await UsageAsync($"/{_name}-host", Cancel)).ContainsKey("networkTransmitBytes"));
        Assert.False((await AvailabilityAsync("/" + _name, Cancel)).TryGetProperty("network", out _));

        if (freezer is null) return;
        File.WriteAllText(freezer + "/freezer.state", "FROZEN");
        await _up.Child.WaitUntilAsync(async token => (await UsageAsync("/" + _name, token)).GetValueOrDefault("frozenSeconds") > 0, "frozen time was seen", Soon, Cancel);
        File.WriteAllText(freezer + "/freezer.state", "THAWED");
    }

    [Fact]
    public async Task A_host_without_cgroup2_is_metered_from_cpuacct()
    {
        var mounts = Mounts();
        if (!mounts.V1.TryGetValue("cpuacct", out var cpuacct)) Assert.Skip("No v1 hierarchy of cpuacct is mounted here.");

        // At the same path in cgroup2 as well, so that other agents of this host do not take it for one whose CPU is cpuacct's.
        var unified = Make(mounts.Unified);
        var group = Make(cpuacct);
        await using var up = ServiceProcess.Up(new Dictionary<string, string?> { ["METERING__Agent__CgroupRoot"] = cpuacct });
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);
        var burner = Start("sh", "-c", "while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.03; done");
        File.WriteAllText(unified + "/cgroup.procs", burner.Id.ToString(CultureInfo.InvariantCulture));
        File.WriteAllText(group + "/cgroup.procs", burner.Id.ToString(CultureInfo.InvariantCulture));
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Cancel);
        await EndAsync(burner, unified);

        // The group was there before the first pass, with nothing used.
        var (microseconds, billed) = (0L, 0m);
        await up.Child.WaitUntilAsync(async token =>
        {
            microseconds = long.Parse(File.ReadAllText(group + "/cpuacct.usage"), CultureInfo.InvariantCulture) / 1000;
            billed = (await up.CpuAsync("/" + _name, token)).GetValueOrDefault("/" + _name);
            return microseconds > 10_000 && billed == microseconds;
        }, "the kernel's figure was billed", Soon, Cancel);
        Assert.Equal("best-effort: v1 cpuacct.usage", (await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts")[0].GetProperty("availability").GetProperty("cpu").GetString());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var child in _children) await child.DisposeAsync();
        foreach (var directory in _directories)
        {
            for (var tries = 0; tries < 200; tries++)
            {
                try
                {
                    Directory.Delete(directory);
                    break;
                }
                catch (IOException)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
                }
            }
        }

        await _up.DisposeAsync();
    }

    private static CgroupMounts Mounts()
    {
        var mounts = CgroupMounts.Read();
        if (!mounts.IsHybrid || mounts.CpuIsV1 || !mounts.V1.ContainsKey("memory") || !mounts.V1.ContainsKey("pids")) Assert.Skip("This host has no v1 hierarchies of memory and pids beside cgroup2.");
        return mounts;
    }

    private string Make(string mount, string suffix = "")
    {
        var directory = Directory.CreateDirectory($"{mount}/{_name}{suffix}").FullName;
        _directories.Add(directory);
        return directory;
    }

    private ChildProcess Start(string file, params string[] arguments)
    {
        var child = ChildProcess.Start(file, arguments);
        _children.Add(child);
        return child;
    }

    private static async Task EndAsync(ChildProcess child, string group)
    {
        child.Kill();
        for (var tries = 0; File.ReadAllText(group + "/cgroup.procs").Length > 0 && tries < 500; tries++) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
    }

    private async Task<Dictionary<string, decimal>> UsageAsync(string path, CancellationToken cancel)
    {
        var page = await _up.GetAsync("v1/usage?from=today&to=now&groupBy=workload&limit=10000", cancel);
        foreach (var row in page.GetProperty("rows").EnumerateArray())
        {
            if (row.GetProperty("key").GetProperty("workload").GetProperty("path").GetString() != path) continue;
            return row.GetProperty("quantities").EnumerateObject().ToDictionary(one => one.Name, one => one.Value.GetDecimal());
        }

        return [];
    }

    private async Task<JsonElement> AvailabilityAsync(string path, CancellationToken cancel)
    {
        var page = await _up.GetAsync("v1/workloads?limit=1000", cancel);
        foreach (var workload in page.GetProperty("workloads").EnumerateArray())
        {
            if (workload.GetProperty("path").GetString() == path) return workload.GetProperty("availability");
        }

        return JsonDocument.Parse("{}").RootElement;
    }
}
