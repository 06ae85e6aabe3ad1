using Metering.Messages;
using Metering.Safety;

namespace Metering.Agent.Accounting;

/// <summary>Memory of one cgroup: the level integrated over time. The integral is kept in byte-microseconds, so that no fraction is ever lost between passes.</summary>
internal sealed class MemoryState
{
    public Account Account;
    public int Handle = -1;
    public Availability Availability = Availability.Exact;
    public ulong LevelBytes;
    public long LevelAtMicroseconds;
    public UInt128 IntegralByteMicroseconds;
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
        (Account, Handle, Availability, LevelBytes, LevelAtMicroseconds, IntegralByteMicroseconds) = (default, -1, Availability.Exact, 0, 0, 0);
        (PeakBytes, JournalledPeakBytes, Level, Moved, PeakIsKernels, RetryIn) = (0, 0, false, false, false, 0);
    }

    /// <summary>A new level, held in a straight line since the last one (the trapezoid rule); cumulative byte-seconds, rounded down once.</summary>
    public void Observe(ulong bytes, long nowMicroseconds, SafetyRule rules)
    {
        if (Level && nowMicroseconds > LevelAtMicroseconds)
        {
            var elapsed = (UInt128)(ulong)(nowMicroseconds - LevelAtMicroseconds);
            IntegralByteMicroseconds += ((UInt128)LevelBytes + bytes) * elapsed / 2;
        }

        Moved = !Level || bytes != LevelBytes;
        // An event may have been read after the instant that the next pass is named by.
        (LevelBytes, LevelAtMicroseconds, Level) = (bytes, Level ? Math.Max(LevelAtMicroseconds, nowMicroseconds) : nowMicroseconds, true);
        PeakBytes = Math.Max(PeakBytes, bytes);
        var reading = checked((ulong)(IntegralByteMicroseconds / 1_000_000));
        if (!Account.Started) Account.Start(reading, fromZero: true);
        else Account.Observe(reading, rules);
    }
}
