using Metering.Messages;
using Metering.Safety;

namespace Metering.Agent.Accounting;

/// <summary>Memory of one cgroup: the level integrated over time. The fraction of a byte-second is kept, so that none is ever lost between passes.</summary>
internal sealed class MemoryState
{
    public Account Account;
    public int Handle = -1;
    public Availability Availability = Availability.Exact;
    public ulong LevelBytes;

    /// <summary>Up to when the level is integrated.</summary>
    public long LevelAtMicroseconds;

    /// <summary>When the level was last read; before <see cref="LevelAtMicroseconds"/> where it was held since.</summary>
    public long ReadAtMicroseconds;

    /// <summary>Byte-microseconds below a byte-second, which <see cref="Account"/> counts in.</summary>
    public uint Remainder;
    public ulong PeakBytes, JournalledPeakBytes;
    public bool Level;
    public bool Moved;

    /// <summary>The peak is the kernel's own (memory.peak); else the largest level that was seen.</summary>
    public bool PeakIsKernels;

    /// <summary>Passes an unavailable file is not asked for again.</summary>
    public int RetryIn;

    /// <summary>As when it was made: for another cgroup.</summary>
    public void Clear()
    {
        (Account, Handle, Availability, LevelBytes, LevelAtMicroseconds, Remainder) = (default, -1, Availability.Exact, 0, 0, 0);
        (PeakBytes, JournalledPeakBytes, ReadAtMicroseconds, Level, Moved, PeakIsKernels, RetryIn) = (0, 0, 0, false, false, false, 0);
    }

    /// <summary>A new level, held in a straight line since the last one (the trapezoid rule); cumulative byte-seconds, rounded down once.</summary>
    public void Observe(ulong bytes, long nowMicroseconds, SafetyRule rules)
    {
        var reading = Account.Reading;
        if (Level && nowMicroseconds > LevelAtMicroseconds) reading += Integrate(checked(LevelBytes + bytes), (ulong)(nowMicroseconds - LevelAtMicroseconds));
        Moved = !Level || bytes != LevelBytes;
        ReadAtMicroseconds = nowMicroseconds;
        // An event may have been read after the instant that the next pass is named by.
        (LevelBytes, LevelAtMicroseconds, Level) = (bytes, Level ? Math.Max(LevelAtMicroseconds, nowMicroseconds) : nowMicroseconds, true);
        PeakBytes = Math.Max(PeakBytes, bytes);
        if (!Account.Started) Account.Start(reading, fromZero: true);
        else Account.Observe(reading, rules);
    }

    /// <summary>
    /// The level is known to be what it was. It is integrated all the same, since the parent's is too: what a parent's figure holds of a child that does not claim it is billed as the parent's own.
    /// </summary>
    public void Hold(long nowMicroseconds, SafetyRule rules)
    {
        var read = ReadAtMicroseconds;
        Observe(LevelBytes, nowMicroseconds, rules);
        ReadAtMicroseconds = read;
    }

    private ulong Integrate(ulong twiceBytes, ulong microseconds)
    {
        var high = Math.BigMul(twiceBytes, microseconds, out var low);
        if (high > 0) return IntegrateWide(twiceBytes, microseconds);
        var total = (low >> 1) + Remainder;
        Remainder = (uint)(total % 1_000_000);
        return total / 1_000_000;
    }

    private ulong IntegrateWide(ulong twiceBytes, ulong microseconds)
    {
        var total = ((UInt128)twiceBytes * microseconds / 2) + Remainder;
        Remainder = (uint)(total % 1_000_000);
        return checked((ulong)(total / 1_000_000));
    }
}
