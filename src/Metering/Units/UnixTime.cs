namespace Metering.Units;

/// <summary>Instants as stored and sent: microseconds since 1970-01-01T00:00:00Z, without leap seconds.</summary>
public static class UnixTime
{
    public const long MicrosecondsPerSecond = 1_000_000;

    public static long ToUnixMicroseconds(this DateTimeOffset instant) => (instant - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset FromMicroseconds(long microseconds) => DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);

    /// <summary>The time span in whole microseconds, rounded down.</summary>
    public static long Microseconds(this TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;
}
