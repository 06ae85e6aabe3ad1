namespace Metering.Agent.Accounting;

/// <summary>A level that is integrated over time: bytes into byte-seconds, millionths of a processor into microseconds. The fraction is kept, so nothing is lost between readings.</summary>
internal struct Level
{
    public ulong Value;
    public long AtMicroseconds;

    /// <summary>Below 1,000,000: what is left of the division by the microseconds of a second.</summary>
    public ulong Remainder;
    public bool Known;

    /// <summary>When it was last seen at zero; 0 when it never was.</summary>
    public long ZeroAtMicroseconds;

    /// <summary>A new level, reached in a straight line since the last one (the trapezoid rule); what that adds to the integral.</summary>
    public ulong Rise(ulong value, long nowMicroseconds) => Take(value, nowMicroseconds, (UInt128)Value + value, 2);

    /// <summary>A new setting: the old one held until now (the step rule); what that adds to the integral.</summary>
    public ulong Hold(ulong value, long nowMicroseconds) => Take(value, nowMicroseconds, Value, 1);

    private ulong Take(ulong value, long nowMicroseconds, UInt128 sum, uint divisor)
    {
        ulong growth = 0;
        if (Known && nowMicroseconds > AtMicroseconds)
        {
            var total = sum * (ulong)(nowMicroseconds - AtMicroseconds) / divisor + Remainder;
            growth = checked((ulong)(total / 1_000_000));
            Remainder = (ulong)(total % 1_000_000);
        }

        // An event may have been read after the instant that the next pass is named by.
        (Value, AtMicroseconds, Known) = (value, Known ? Math.Max(AtMicroseconds, nowMicroseconds) : nowMicroseconds, true);
        if (value == 0) ZeroAtMicroseconds = AtMicroseconds;
        return growth;
    }
}
