using System.Globalization;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>The same known work on this machine's own tree, whatever kernel and hierarchies it has: CPU is exact on all of them.</summary>
[Collection(GuestGroup.Name)]
public sealed class OwnTreeTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task CPU_for_a_known_time()
    {
        const decimal Known = 1;
        await using var up = ServiceProcess.Up();
        await using var cgroup = TestCgroup.Create();
        await up.StartReadyAsync(Cancel);
        await up.FirstPassAsync(Cancel);

        var work = Path.Combine(RepositoryFiles.Root, "tests/Metering.EndToEnd/Guest/guest/work");
        var mount = Agent.Cgroups.CgroupMounts.Read().Unified;
        await ChildProcess.RunAsync("sh", ["-c", "echo $$ >\"$0\" && exec perl \"$1\" cpu \"$2\"", $"{mount}{cgroup.Path}/cgroup.procs", work, Known.ToString(CultureInfo.InvariantCulture)], Limit, Cancel);
        await up.BilledAsync(cgroup, Cancel);

        // The interpreter reads its own clock; it has used some milliseconds before it joined and uses some to end.
        Assert.InRange(cgroup.UsageMicroseconds / 1_000_000m, Known - 0.05m, Known + 0.2m);
    }
}
