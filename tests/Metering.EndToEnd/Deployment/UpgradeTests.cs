using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Tests.Upgrade;
using Xunit;

namespace Metering.EndToEnd.Deployment;

/// <summary>This version's program on the data of a former one.</summary>
public sealed class UpgradeTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Up_goes_on_with_the_ledger_and_the_journal_of_a_former_version()
    {
        await using var up = ServiceProcess.Up(new Dictionary<string, string?> { ["METERING__Agent__HostId"] = FormerVersion.Host });
        FormerVersion.Unpack(up.Directory.Path);
        await up.StartReadyAsync(Cancel);
        await using var cgroup = TestCgroup.Create();
        cgroup.Spend(50_000);
        await up.BilledAsync(cgroup, Cancel);

        // The same epoch, whose numbers go on; what was billed stays, and all of it is recomputed from its batches.
        var host = Assert.Single((await up.GetAsync("v1/hosts", Cancel)).GetProperty("hosts").EnumerateArray());
        Assert.Equal(FormerVersion.Epoch, host.GetProperty("epoch").GetString());
        Assert.Equal(0, host.GetProperty("missingBatches").GetInt64());
        Assert.Equal(FormerVersion.CpuMicroseconds, (await up.CpuAsync(FormerVersion.Path, Cancel)).Values.Sum());
        await using var verify = MeteringProcess.Launch(["verify", "--url", up.Url, "--key", ServiceProcess.AdminKey]);
        Assert.True(await verify.WaitForExitAsync(Limit, Cancel) == 0, verify.Output);
        up.SaidNoStackTrace();
    }
}
