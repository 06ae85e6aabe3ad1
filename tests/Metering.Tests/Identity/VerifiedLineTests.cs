using Xunit;

namespace Metering.Tests.Identity;

/// <summary>Whatever befalls a host, what is then in the ledger adds up: readings chain, sums are the kernel's, nothing is billed twice.</summary>
public sealed class VerifiedLineTests
{
    private const long Second = 1_000_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Restarts_reboots_snapshots_and_clock_jumps_leave_a_ledger_that_verifies(int seed)
    {
        var random = new Random(seed);
        await using var line = new LedgerLine(seed);
        await line.OpenAsync();
        for (var i = 0; i < 40; i++) line.Tree.Step();
        line.Pass(10 * Second);
        ulong due = 0, from = line.Tree.Root.ShownMicroseconds;
        for (var round = 0; round < 60; round++)
        {
            for (var i = random.Next(20); i > 0; i--) line.Tree.Step();
            switch (random.Next(8))
            {
                case 0:
                    line.Restart();
                    break;
                case 1:
                    // What the last pass has not seen dies with the boot.
                    line.Pass(10 * Second);
                    due += line.Tree.Root.ShownMicroseconds - from;
                    from = 0;
                    line.Tree.Reboot();
                    (line.BootId, line.Boot) = ("boot-" + round, 20 * Second);
                    line.Restart();
                    break;
                case 2:
                    line.Pass(10 * Second);
                    await line.ShipAsync();
                    due += line.Tree.Root.ShownMicroseconds - from;
                    line.Boot -= 15 * Second;
                    line.Restart();
                    line.Pass(10 * Second);
                    from = line.Tree.Root.ShownMicroseconds;
                    break;
                case 3:
                    line.Wall += random.NextInt64(-7200, 7200) * Second;
                    break;
            }

            line.Pass(random.Next(12) == 0 ? random.NextInt64(9 * 3600 * Second) : 10 * Second);
            if (random.Next(3) == 0) await line.ShipAsync();
        }

        foreach (var child in line.Tree.Root.Children.ToArray()) line.Tree.Kill(child);
        for (var i = 0; i < 3; i++) line.Pass(10 * Second);
        await line.ShipAsync();
        due += line.Tree.Root.ShownMicroseconds - from;

        var summary = await line.VerifyAsync();
        Assert.True(summary.Ok, summary.First?.ToString());
        Assert.True(summary.Batches > 60);
        Assert.InRange(await line.BilledAsync(), due - 400, due);
    }

    [Fact]
    public async Task A_cgroup_that_is_made_again_at_the_same_path_is_another_and_both_are_billed_whole()
    {
        await using var line = new LedgerLine(5);
        await line.OpenAsync();
        line.Pass(10 * Second);
        for (var i = 0; i < 20; i++)
        {
            line.Tree.Root.Children.Add(new Simulation.FakeCgroup((ulong)(1000 + i), "again", line.Tree.Root));
            line.Tree.Root.Children[0].Use(5_000_000, 0);
            line.Pass(10 * Second);
            line.Tree.Root.Children[0].Use(3_000_000, 0);
            line.Tree.Kill(line.Tree.Root.Children[0]);
        }

        line.Pass(10 * Second);
        await line.ShipAsync();

        Assert.Equal(20UL * 8000, await line.BilledAsync());
        Assert.True((await line.VerifyAsync()).Ok);
    }
}
