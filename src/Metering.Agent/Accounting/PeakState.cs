using Metering.Messages;

namespace Metering.Agent.Accounting;

/// <summary>The largest number of tasks seen.</summary>
internal sealed class PeakState
{
    public ulong Peak, Journalled;
    public Availability Availability = Availability.BestEffort;
    public bool Known;
    public int Handle = -1;

    /// <summary>Passes an unavailable file is not asked for again.</summary>
    public int RetryIn;

    /// <summary>As when it was made: for another cgroup.</summary>
    public void Clear() => (Peak, Journalled, Availability, Known, Handle, RetryIn) = (0, 0, Availability.BestEffort, false, -1, 0);
}
