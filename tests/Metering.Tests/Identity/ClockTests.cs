using Xunit;

namespace Metering.Tests.Identity;

/// <summary>The wall clock names windows and nothing else: whatever it does, no time is billed twice and none is negative.</summary>
public sealed class ClockTests : IDisposable
{
    private const long Second = 1_000_000, Hour = 3600 * Second;
    private readonly MeteredTree _host = new MeteredTree().Set("/a", 0, 1000).Open();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(-3600)] // set back an hour
    [InlineData(3600)] // set forward an hour
    [InlineData(-86_400 * 365L * 30)] // a machine without a clock of its own after a start
    [InlineData(1)] // a leap second, or slewing
    [InlineData(-1)]
    public void A_step_of_the_wall_clock_changes_neither_memory_nor_lifetime(long stepSeconds)
    {
        for (var i = 0; i < 4; i++) _host.Pass(10 * Second);
        _host.Wall += stepSeconds * Second;
        for (var i = 0; i < 30; i++) _host.Set("/a", 100 * (i + 1), 1000).Set("/", 100 * (i + 1), 1000).Pass(10 * Second);
        Settle();

        Assert.InRange(_host.Sum("/a", "cpuMicroseconds") + _host.Sum("/", "cpuMicroseconds"), 2999UL, 3000UL);
        Assert.Equal(330UL * 1000, _host.Sum("/a", "memoryByteSeconds"));
        Assert.Equal(330UL * Second, _host.Sum("/a", "lifetimeMicroseconds"));
        WindowsAreInOrder();
    }

    [Fact]
    public void A_night_in_suspension_is_time_that_memory_was_held_and_all_of_it_is_covered()
    {
        for (var i = 0; i < 3; i++) _host.Pass(10 * Second);
        _host.Pass(8 * Hour);
        _host.Pass(10 * Second);

        Assert.All(_host.Batches, batch => Assert.Equal(batch.ExpectedMicroseconds, batch.CoveredMicroseconds));
        Assert.Equal((ulong)(8 * Hour + 30 * Second), _host.Batches.Aggregate(0UL, (sum, batch) => sum + batch.ExpectedMicroseconds));
        Settle();
        Assert.Equal((ulong)(8 * 3600 + 30) * 1000, _host.Sum("/a", "memoryByteSeconds"));
        WindowsAreInOrder();
    }

    [Fact]
    public void While_the_clock_repeats_an_hour_windows_are_empty_and_usage_goes_on()
    {
        _host.Pass(10 * Second).Pass(10 * Second);
        var end = MeteredTree.End(_host.Batches[^1]);
        _host.Wall -= Hour;

        _host.Set("/a", 700, 1000).Set("/", 700, 1000).Pass(10 * Second);

        var repeated = _host.Batches[^1];
        Assert.Equal((end, end, 0UL), (MeteredTree.Start(repeated), MeteredTree.End(repeated), repeated.ExpectedMicroseconds));
        _host.Pass(Hour);
        Assert.Equal(end, MeteredTree.Start(_host.Batches[^1]));
        Assert.True(MeteredTree.End(_host.Batches[^1]) > end);
    }

    [Fact]
    public void Of_a_window_with_a_reboot_in_it_the_time_since_boot_is_covered()
    {
        _host.Pass(10 * Second);
        (_host.Wall, _host.Boot, _host.BootId) = (_host.Wall + 600 * Second, 40 * Second, "boot-2");

        _host.Open().Pass();

        Assert.Equal((40UL * Second, 600UL * Second), (_host.Batches[^1].CoveredMicroseconds, _host.Batches[^1].ExpectedMicroseconds));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whatever_the_clock_does_time_is_counted_once(int seed)
    {
        var random = new Random(seed);
        _host.Pass(10 * Second);
        var born = _host.Boot;
        for (var i = 0; i < 150; i++)
        {
            // Steps back and forth, slewing, pauses; passes come late; the agent starts again now and then.
            _host.Wall += random.Next(8) switch { 0 => -random.NextInt64(2 * Hour), 1 => random.NextInt64(2 * Hour), 2 => random.NextInt64(-Second, Second), _ => 0 };
            if (random.Next(15) == 0) _host.Open();
            _host.Pass(random.Next(20) == 0 ? random.NextInt64(5 * Hour) : 10 * Second + random.NextInt64(Second));
        }

        // The clock passes the last window's end at last.
        _host.Wall = Math.Max(_host.Wall, _host.Journal.LastPassMicroseconds!.Value);
        var truth = (ulong)(_host.Boot - born);
        Settle();

        Assert.Equal(truth, _host.Sum("/a", "lifetimeMicroseconds"));
        Assert.Equal(truth * 1000 / Second, _host.Sum("/a", "memoryByteSeconds"));
        WindowsAreInOrder();
    }

    // A pass at the bound of a bucket publishes what idle cgroups have waited with; no time goes by for it.
    private void Settle()
    {
        const long Bucket = 900 * Second;
        _host.Recorder.Pass((Math.Max(_host.Wall, _host.Journal.LastPassMicroseconds!.Value) / Bucket + 1) * Bucket);
    }

    private void WindowsAreInOrder()
    {
        var batches = _host.Batches;
        Assert.All(batches, batch => Assert.True(MeteredTree.Start(batch) <= MeteredTree.End(batch)));
        Assert.All(batches.Zip(batches.Skip(1)), pair => Assert.Equal(MeteredTree.End(pair.First), MeteredTree.Start(pair.Second)));
    }
}
