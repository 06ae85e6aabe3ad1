using Metering.Messages;

namespace Metering.Agent.Accounting;

/// <summary>The largest number of tasks seen.</summary>
internal sealed class PeakState
{
    public ulong Peak, Journalled;
    public Availability Availability = Availability.BestEffort;
    public bool Known;
}
