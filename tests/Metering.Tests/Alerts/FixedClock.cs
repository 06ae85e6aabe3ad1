namespace Metering.Tests.Alerts;

/// <summary>A wall clock that stands still; timers and elapsed time are real, so timeouts work.</summary>
internal sealed class FixedClock(DateTimeOffset now) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => now;
}
