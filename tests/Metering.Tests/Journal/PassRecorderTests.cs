using Metering.Tests.Identity;
using Xunit;

namespace Metering.Tests.Journal;

/// <summary>A pass that waits for the disk while the next ones are read.</summary>
public sealed class PassRecorderTests : IDisposable
{
    private const long Interval = 10_000_000;
    private readonly MeteredTree _tree = new();

    public PassRecorderTests() => _tree.Set("/a", 1000, 0).Open().Pass();

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void What_is_read_while_a_pass_waits_is_carried_by_the_one_after()
    {
        Use(2000);
        Assert.True(_tree.Recorder.TryEncode());
        Use(5000);
        Assert.False(_tree.Recorder.TryEncode());
        _tree.Recorder.Store();
        Use(6000);
        Assert.True(_tree.Recorder.TryEncode());
        _tree.Recorder.Store();

        var batches = _tree.Batches[1..];
        // A baseline is rounded up by a microsecond.
        Assert.Equal([999UL, 4000UL], batches.Select(batch => batch.Workloads.Single(record => record.Path == "/a").Meters.Single(meter => meter.Meter == "cpuMicroseconds").Quantity));
        Assert.Equal([Interval, 2 * Interval], batches.Select(batch => MeteredTree.End(batch) - MeteredTree.Start(batch)));
        Assert.Equal(batches[0].Sequence + 1, batches[1].FirstSequence);
    }

    [Fact]
    public void What_waits_when_the_process_ends_is_billed_by_the_next_process()
    {
        Use(2000);
        _tree.Recorder.TryEncode();
        _tree.Set("/a", 7000, 0).Open().Pass(Interval);

        Assert.Equal(5999UL, _tree.Sum("/a", "cpuMicroseconds"));
    }

    [Fact]
    public void A_new_epoch_forgets_what_waits()
    {
        Use(2000);
        _tree.Recorder.TryEncode();
        _tree.Recorder.BeginNewEpoch();
        _tree.Recorder.Store();

        Assert.Empty(_tree.Batches);
        Use(3000);
        Assert.True(_tree.Recorder.TryEncode());
        _tree.Recorder.Store();
        Assert.Equal(1UL, Assert.Single(_tree.Batches).FirstSequence);
        Assert.Equal(0UL, _tree.Sum("/a", "cpuMicroseconds"));
    }

    private void Use(long microseconds)
    {
        _tree.Set("/a", microseconds, 0).Set("/", microseconds, 0);
        (_tree.Wall, _tree.Boot) = (_tree.Wall + Interval, _tree.Boot + Interval);
        _tree.Recorder.Read(_tree.Wall / Interval * Interval);
    }
}
