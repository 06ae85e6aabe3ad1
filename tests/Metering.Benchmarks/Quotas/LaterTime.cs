namespace Metering.Benchmarks.Quotas;

/// <summary>The time, and what was added to it: what goes by seconds is measured without waiting for them.</summary>
internal sealed class LaterTime : TimeProvider
{
    private TimeSpan _later;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _later;

    public void Advance(TimeSpan by) => _later += by;
}
