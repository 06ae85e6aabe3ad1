using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>
/// Meters that the agent does not publish yet. The work for them is done in the guest all the same; when the agent has them, <see cref="Off"/> becomes false and these tests are part of every run.
/// </summary>
[Collection(GuestGroup.Name)]
public sealed class LaterMeterTests(GuestMachine guest)
{
    /// <summary>The one switch.</summary>
    private const bool Off = true;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Explicit = Off)]
    public async Task Throttled_time_is_the_kernels()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal(report.Kernel("before", "/known/throttled", "cpu.stat", "throttled_usec") / 1_000_000m, report.Billed("/known/throttled", "cpuThrottledSeconds"));
    }

    [Fact(Explicit = Off)]
    public async Task Out_of_memory_kills_are_the_kernels()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal(report.Kernel("before", "/known/oom", "memory.events", "oom_kill"), report.Billed("/known/oom", "oomKills"));
        Assert.Equal(report.Kernel("before", "/known/oom", "memory.events", "oom_kill"), report.Billed("/known", "oomKills"));
    }

    [Fact(Explicit = Off)]
    public async Task The_peak_of_memory_is_the_kernels()
    {
        var report = await guest.ReportAsync(Cancel);

        Assert.Equal(report.Kernel("before", "/known/memory", "memory.peak"), report.Billed("/known/memory", "memoryPeakBytes"));
        Assert.InRange(report.Billed("/known/memory", "memoryPeakBytes")!.Value, report.Number("memory.bytes"), report.Number("memory.bytes") + (8 << 20));
    }

    [Fact(Explicit = Off)]
    public async Task A_quota_is_a_reservation_for_as_long_as_the_group_lives()
    {
        var report = await guest.ReportAsync(Cancel);
        var lived = report.Billed("/known/throttled", "lifetimeSeconds")!.Value;

        // 20 ms of each 100 ms.
        Assert.InRange(report.Billed("/known/throttled", "cpuReservedSeconds")!.Value, 0.19m * lived, 0.21m * lived);
        Assert.InRange(report.Billed("/known/oom", "memoryReservedByteSeconds")!.Value, (16 << 20) * 0.9m * lived, (16 << 20) * 1.1m * lived);
    }

    [Fact(Explicit = Off)]
    public async Task Swapped_memory_is_billed_for_its_time()
    {
        var report = await guest.ReportAsync(Cancel);

        // 64 MiB wanted, 32 MiB allowed, for 10 s between passes 2 s apart.
        Assert.InRange(report.Billed("/known/swap", "swapByteSeconds")!.Value, (28m * (1 << 20)) * 8, (48m * (1 << 20)) * 14);
    }
}
