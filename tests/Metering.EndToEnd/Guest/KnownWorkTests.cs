using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>Work whose figures are known beforehand, on a kernel with cgroup v2 alone: what was billed is the kernel's figure, and that is what the work was.</summary>
[Collection(GuestGroup.Name)]
public sealed class KnownWorkTests(GuestMachine guest)
{
    /// <summary>Seconds between two passes of the guest's agent.</summary>
    private const decimal Interval = 2;

    /// <summary>Seconds: an emulated processor that this machine has stopped for a moment seems to have worked on. Exactness is shown against the kernel's own counter.</summary>
    private const decimal Slack = 0.5m;

    /// <summary>From the one that goes over a quota to the limit.</summary>
    private const int Passes = 2;

    /// <summary>Cgroups of known work.</summary>
    private const int Siblings = 12;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("cpu")]
    [InlineData("memory")]
    [InlineData("io")]
    [InlineData("oom")]
    [InlineData("throttled")]
    [InlineData("pids")]
    [InlineData("swap")]
    public async Task Every_microsecond_of_a_cgroup_is_billed(string name)
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.InRange(report.BilledCpuMicroseconds("/known/" + name), 1, long.MaxValue);

        // All of them ended at once: what was held back for rounding, a microsecond for each, goes to whoever was not read after its last process.
        var kernel = report.KernelCpu("before", "/known/" + name);
        Assert.InRange(report.BilledCpuMicroseconds("/known/" + name), kernel, kernel + Siblings);
    }

    [Fact]
    public async Task A_container_that_runs_away_is_capped_and_freed_when_the_window_ends()
    {
        var report = await guest.ReportAsync(Cancel);

        // A fifth of a processor, also while it is quiet, until the hour is over.
        Assert.Equal("20000 100000", report.Text("enforced.cap"));
        Assert.Contains("\"action\":\"cpu.max\"", report.Text("enforced.list"));
        Assert.Equal("20000 100000", report.Text("enforced.held"));
        Assert.Equal("max 100000", report.Text("enforced.freed"));

        // Not because it had expired: the service took it back, in the next hour, and the agent did what it was told.
        var limit = Assert.Single(report.Json("enforced.released").EnumerateArray());
        var began = limit.GetProperty("beganAt").GetDateTimeOffset();
        var next = began.AddTicks(TimeSpan.TicksPerHour - (began.Ticks % TimeSpan.TicksPerHour));
        Assert.InRange(limit.GetProperty("releasedAt").GetDateTimeOffset(), next, next.AddMinutes(5));
        Assert.Contains("is max 100000 again: the quota is not over its limit.", report.Text("up.log"), StringComparison.Ordinal);

        // The batch with which it went over, and the last one that was made when the limit was set.
        var set = Regex.Match(report.Text("up.log"), @"is 20000 100000 from now on: quota runaway, over with batch (\d+); the last one is (\d+)\.");
        Assert.True(set.Success, report.Text("up.log"));
        var crossedBy = limit.GetProperty("crossedBy").GetInt64();
        Assert.Equal(crossedBy, long.Parse(set.Groups[1].Value, CultureInfo.InvariantCulture));
        Assert.InRange(long.Parse(set.Groups[2].Value, CultureInfo.InvariantCulture), crossedBy, crossedBy + Passes);
        TestContext.Current.SendDiagnosticMessage("capped between these seconds of the guest: {0}, at a pass each 2 s", report.Text("enforced.seconds"));
    }

    [Fact]
    public async Task CPU_for_a_known_time()
    {
        var report = await guest.ReportAsync(Cancel);
        var known = report.Number("cpu.seconds");

        // It reads its own clock, by which it has used something before it joined the cgroup.
        Assert.InRange(report.Billed("/known/cpu", "cpuSeconds")!.Value, known - Slack, known + Slack);
    }

    [Fact]
    public async Task Memory_held_for_a_known_time()
    {
        var report = await guest.ReportAsync(Cancel);
        var (bytes, seconds) = (report.Number("memory.bytes"), report.Number("memory.seconds"));

        // When it came and when it went are each known to the interval between passes; the interpreter itself holds a few MiB.
        var billed = report.Billed("/known/memory", "memoryByteSeconds")!.Value;
        Assert.InRange(billed, bytes * (seconds - 2 * Interval), (bytes + (8 << 20)) * (seconds + Interval));
    }

    [Fact]
    public async Task Bytes_written_and_read_past_the_page_cache()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal(report.Number("io.written"), report.Billed("/known/io", "ioWriteBytes"));
        Assert.Equal(report.Kernel("before", "/known/io", "io.stat", "wbytes="), report.Billed("/known/io", "ioWriteBytes"));
        Assert.Equal(report.Kernel("before", "/known/io", "io.stat", "rbytes="), report.Billed("/known/io", "ioReadBytes"));
        Assert.Equal(report.Kernel("before", "/known/io", "io.stat", "wios="), report.Billed("/known/io", "ioWriteOperations"));
        Assert.Equal(report.Kernel("before", "/known/io", "io.stat", "rios="), report.Billed("/known/io", "ioReadOperations"));

        // Beside the device, the programs themselves may have been read.
        Assert.InRange(report.Billed("/known/io", "ioReadBytes")!.Value, report.Number("io.read"), report.Number("io.read") + (4 << 20));
    }

    [Fact]
    public async Task What_the_out_of_memory_killer_ended_is_billed()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal("137", report.Text("oom.exit"));
        Assert.InRange(report.Kernel("before", "/known/oom", "memory.events", "oom_kill"), 1, 10);
        Assert.InRange(report.BilledCpuMicroseconds("/known/oom"), 1, 10_000_000);
    }

    [Fact]
    public async Task A_throttled_group_pays_what_it_got()
    {
        var report = await guest.ReportAsync(Cancel);
        var known = report.Number("throttled.seconds");

        Assert.InRange(report.Kernel("before", "/known/throttled", "cpu.stat", "nr_throttled"), 1, long.MaxValue);
        Assert.InRange(report.Billed("/known/throttled", "cpuSeconds")!.Value, known - Slack, known + Slack);
    }

    [Fact]
    public async Task The_peak_of_tasks_is_the_kernels()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.InRange(report.Kernel("before", "/known/pids", "pids.peak"), 12, 20);
        Assert.Equal(report.Kernel("before", "/known/pids", "pids.peak"), report.Billed("/known/pids", "pidsPeak"));
    }

    [Fact]
    public async Task Memory_that_was_swapped_out_is_not_billed_as_memory()
    {
        var report = await guest.ReportAsync(Cancel);

        var seconds = report.Number("swap.seconds");

        // 64 MiB wanted, 32 MiB allowed: the rest is in swap. Getting there took a moment.
        Assert.InRange(report.Billed("/known/swap", "memoryByteSeconds")!.Value, (24m * (1 << 20)) * (seconds - Interval), (32m * (1 << 20)) * (seconds + 2 + Interval));
    }

    [Fact]
    public async Task A_storm_of_short_lived_cgroups_is_billed_to_the_microsecond()
    {
        var report = await guest.ReportAsync(Cancel);
        var storm = report.KernelCpu("before", "/known/storm");

        Assert.Equal("160", report.Text("storm.cgroups"));
        Assert.InRange(storm, 100_000, long.MaxValue);
        Assert.Equal(storm, report.BilledCpuMicroseconds("/known/storm"));
    }

    [Fact]
    public async Task The_parent_of_it_all_is_billed_to_the_microsecond()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal(report.KernelCpu("after", "/known"), report.BilledCpuMicroseconds("/known"));
        Assert.Equal("0", report.Text("prove.exit"));
        Assert.Equal(0, report.Json("prove").GetProperty("differenceMicroseconds").GetInt64());
        Assert.Equal(0, report.Json("prove").GetProperty("heldMicroseconds").GetInt64());
    }

    [Fact]
    public async Task Written_bytes_of_the_parent_are_the_sum_of_its_children()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal(report.Kernel("after", "/known", "io.stat", "wbytes="), report.Billed("/known", "ioWriteBytes"));
        Assert.Equal(report.Kernel("after", "/known", "io.stat", "rbytes="), report.Billed("/known", "ioReadBytes"));
    }

    [Fact]
    public async Task Nothing_was_missing_and_every_sum_was_conserved()
    {
        var report = await guest.ReportAsync(Cancel);
        var host = Assert.Single(report.Json("hosts").GetProperty("hosts").EnumerateArray());

        Assert.Equal(0, host.GetProperty("conservationFailures").GetInt64());
        Assert.Equal(0, host.GetProperty("missingBatches").GetInt64());
    }

    [Fact]
    public async Task No_cgroup_of_the_machine_was_billed_more_than_the_kernel_counted()
    {
        var report = await guest.ReportAsync(Cancel);

        var over = report.Living.Where(path => report.BilledCpuMicroseconds(path) > report.KernelCpu("last", path)).ToList();

        Assert.Empty(over);
        Assert.True(report.Living.Count() > 20, string.Join('\n', report.Living));
    }
}
