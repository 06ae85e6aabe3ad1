using System.Globalization;
using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>The meters that are read rarely. What the kernel counts is exact all the same; what is a level is known to the interval between two readings, which is six passes.</summary>
[Collection(GuestGroup.Name)]
public sealed class SlowMeterTests(GuestMachine guest)
{
    /// <summary>Seconds between two readings of the slow files: six passes of 2 s.</summary>
    private const decimal Cadence = 12;

    /// <summary>Seconds between two passes.</summary>
    private const decimal Interval = 2;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Throttled_time_is_the_kernels()
    {
        var report = await guest.ReportAsync(Cancel);
        var kernel = report.Kernel("before", "/known/throttled", "cpu.stat", "throttled_usec");

        Assert.InRange(kernel, 1, long.MaxValue);
        Assert.Equal(kernel / 1_000_000m, report.Billed("/known/throttled", "cpuThrottledSeconds"));
    }

    [Fact]
    public async Task Out_of_memory_kills_are_the_kernels()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal(report.Kernel("before", "/known/oom", "memory.events", "oom_kill"), report.Billed("/known/oom", "oomKills"));
        Assert.Equal(report.Kernel("before", "/known/oom", "memory.events", "oom_kill"), report.Billed("/known", "oomKills"));
    }

    [Fact]
    public async Task The_peak_of_memory_is_the_kernels()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal(report.Kernel("before", "/known/memory", "memory.peak"), report.Billed("/known/memory", "memoryPeakBytes"));
        Assert.InRange(report.Billed("/known/memory", "memoryPeakBytes")!.Value, report.Number("memory.bytes"), report.Number("memory.bytes") + (8 << 20));
    }

    [Theory]
    [InlineData("throttled", "cpu.pressure", "cpuPressureSeconds")]
    [InlineData("swap", "memory.pressure", "memoryPressureSeconds")]
    [InlineData("io", "io.pressure", "ioPressureSeconds")]
    public async Task The_pressure_of_a_contended_group_is_the_kernels(string name, string file, string quantity)
    {
        var report = await guest.ReportAsync(Cancel);
        var some = report.Text($"kernel/before/known/{name}/{file}").Split('\n')[0];
        var kernel = long.Parse(some[(some.IndexOf("total=", StringComparison.Ordinal) + 6)..], CultureInfo.InvariantCulture);

        Assert.InRange(kernel, 1, long.MaxValue);
        Assert.Equal(kernel / 1_000_000m, report.Billed("/known/" + name, quantity));
    }

    [Fact]
    public async Task A_quota_is_a_reservation_for_as_long_as_the_group_lives()
    {
        var report = await guest.ReportAsync(Cancel);
        var lived = report.Billed("/known/throttled", "lifetimeSeconds")!.Value;

        // 20 ms of each 100 ms. A limit holds from when it is first read, which is a pass or two after the group was made.
        var (shortest, longest) = (lived - Cadence, lived + Interval);
        Assert.InRange(report.Billed("/known/throttled", "cpuReservedSeconds")!.Value, 0.2m * shortest, 0.2m * longest);
        Assert.InRange(report.Billed("/known/oom", "memoryReservedByteSeconds")!.Value, (16 << 20) * shortest, (16 << 20) * longest);
    }

    [Fact]
    public async Task A_lifetime_is_from_the_first_sight_of_a_group_to_its_end()
    {
        var report = await guest.ReportAsync(Cancel);
        var lived = Between(report, "known.between");

        Assert.InRange(report.Billed("/known/cpu", "lifetimeSeconds")!.Value, lived - (2 * Interval), lived + (2 * Interval));
    }

    [Fact]
    public async Task Frozen_time_is_counted()
    {
        var report = await guest.ReportAsync(Cancel);
        var frozen = Between(report, "frozen.between");

        Assert.InRange(report.Billed("/known/frozen", "frozenSeconds")!.Value, frozen - Cadence - Interval, frozen + Cadence + Interval);
        Assert.Equal(0, report.Billed("/known/cpu", "frozenSeconds"));
    }

    [Fact]
    public async Task Swapped_memory_is_billed_for_its_time()
    {
        var report = await guest.ReportAsync(Cancel);
        var seconds = report.Number("swap.seconds");

        // 64 MiB wanted, 32 MiB allowed: what the interpreter holds beside it is little.
        Assert.InRange(report.Billed("/known/swap", "swapByteSeconds")!.Value, (28m * (1 << 20)) * (seconds - Cadence - Interval), (48m * (1 << 20)) * (seconds + Cadence + Interval));
    }

    [Fact]
    public async Task Huge_pages_are_billed_for_their_time_and_not_as_memory()
    {
        var report = await guest.ReportAsync(Cancel);
        var (bytes, seconds) = (report.Number("hugepages.bytes"), report.Number("hugepages.seconds"));

        Assert.Equal("8", report.Text("hugepages.have"));
        Assert.InRange(report.Billed("/known/hugepages", "hugetlbByteSeconds")!.Value, bytes * (seconds - Cadence - Interval), bytes * (seconds + Cadence + Interval));
        Assert.InRange(report.Billed("/known/hugepages", "memoryPeakBytes")!.Value, 1, bytes - 1);
    }

    [Fact]
    public async Task Bytes_of_a_network_of_its_own_are_the_kernels_without_the_loopback()
    {
        var report = await guest.ReportAsync(Cancel);
        var interfaces = report.Text("network.kernel").Split('\n').Select(line => line.Split((char[])[' ', ':'], StringSplitOptions.RemoveEmptyEntries)).ToDictionary(words => words[0], StringComparer.Ordinal);
        decimal Count(string name, int column) => decimal.Parse(interfaces[name][column], CultureInfo.InvariantCulture);

        Assert.Equal(Count("inner", 1), report.Billed("/known/network", "networkReceiveBytes"));
        Assert.Equal(Count("inner", 9), report.Billed("/known/network", "networkTransmitBytes"));
        Assert.InRange(Count("lo", 1), 50_000 * 0.7m, decimal.MaxValue);

        // Datagrams: while the neighbour is not yet known, the kernel drops some.
        Assert.InRange(Count("inner", 1), report.Number("network.sent") * 0.8m, report.Number("network.sent") + 1000);
    }

    private static decimal Between(GuestReport report, string name)
    {
        var ends = report.Text(name).Split(' ');
        return decimal.Parse(ends[1], CultureInfo.InvariantCulture) - decimal.Parse(ends[0], CultureInfo.InvariantCulture);
    }
}
