using Metering.Agent.Journal;
using Xunit;

namespace Metering.Tests.Identity;

/// <summary>Where counting begins: a new journal, a new process, a new boot, a machine put back to an earlier snapshot.</summary>
public sealed class EpochTests : IDisposable
{
    private const long Second = 1_000_000;
    private const string Cpu = "cpuMicroseconds";
    private readonly MeteredTree _host = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void What_was_used_before_the_first_pass_is_told_and_not_billed()
    {
        // 200 days of one processor.
        const long Past = 200L * 86_400 * Second;
        _host.Set("/", Past + 60, 0).Set("/old", Past, 0).Set("/idle", 0, 0).Open().Pass(10 * Second);

        Assert.Equal(new BeforeMetering(Past + 60, 1), _host.Journal.Before);
        Assert.Equal("17280000.000060", _host.Batches[0].HostLabels["before-metering.cpu-seconds"]);

        _host.Set("/", Past + 560, 0).Set("/old", Past + 400, 0).Pass(10 * Second);
        _host.Open().Pass(10 * Second);

        Assert.InRange(_host.Sum("/old", Cpu), 399UL, 400UL);
        Assert.InRange(_host.Sum("/", Cpu), 90UL, 101UL);
        Assert.Equal("17280000.000060", _host.Batches[^1].HostLabels["before-metering.cpu-seconds"]);
        Assert.Equal(new BeforeMetering(Past + 60, 1), _host.Journal.Before);
    }

    [Fact]
    public void A_restart_goes_on_where_the_journal_ends()
    {
        _host.Set("/", 1000, 0).Set("/a", 1000, 0).Open().Pass(10 * Second);
        var epoch = _host.Journal.Epoch;
        _host.Set("/", 5000, 0).Set("/a", 5000, 0);

        _host.Open().Pass(10 * Second);

        Assert.Equal(epoch, _host.Journal.Epoch);
        Assert.InRange(_host.Sum("/a", Cpu), 3999UL, 4000UL);
        Assert.Equal(EpochEnd.None, _host.Recorder.Ended);
    }

    [Fact]
    public void After_a_reboot_everything_counts_from_zero()
    {
        _host.Set("/", 1000, 0).Set("/a", 1000, 0).Open().Pass(10 * Second);
        var epoch = _host.Journal.Epoch;
        (_host.BootId, _host.Boot) = ("boot-2", 30 * Second);
        _host.Set("/", 300, 0).Set("/a", 300, 0);

        _host.Open().Pass(10 * Second);

        Assert.Equal(epoch, _host.Journal.Epoch);
        Assert.Equal(300UL, _host.Sum("/a", Cpu) + _host.Sum("/", Cpu));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // the process was put back with its machine
    public void A_machine_put_back_to_a_snapshot_begins_a_new_epoch_with_a_baseline(bool running)
    {
        _host.Set("/", 1000, 0).Set("/a", 1000, 0).Open().Pass(10 * Second);
        _host.Set("/", 9000, 0).Set("/a", 9000, 0).Pass(600 * Second);
        var epoch = _host.Journal.Epoch;
        _host.Boot -= 300 * Second;
        _host.Set("/", 4000, 0).Set("/a", 4000, 0);

        if (!running) _host.Open();
        _host.Pass(10 * Second);
        _host.Set("/", 4600, 0).Set("/a", 4500, 0).Pass(10 * Second);

        Assert.NotEqual(epoch, _host.Journal.Epoch);
        Assert.Equal(EpochEnd.Snapshot, _host.Recorder.Ended);
        Assert.Equal(4000UL, _host.Journal.Before!.CpuMicroseconds);
        Assert.InRange(_host.Sum("/a", Cpu), 499UL, 500UL);
        Assert.InRange(_host.Sum("/a", Cpu) + _host.Sum("/", Cpu), 599UL, 600UL);
    }
}
