using Metering.Messages;

namespace Metering.Agent.Shipping;

/// <summary>The end of one publish, with the ledger's answer when it came with it and the reason when something went wrong.</summary>
public readonly record struct ShipOutcome(ShipResult Result, Downlink? Answer = null, string? Reason = null)
{
    public static ShipOutcome Committed(Downlink answer) => new(ShipResult.Committed, answer);

    public static ShipOutcome Accepted => new(ShipResult.Accepted);

    public static ShipOutcome Rejected(string reason, Downlink? answer = null) => new(ShipResult.Rejected, answer, reason);

    public static ShipOutcome Unknown(string reason) => new(ShipResult.Unknown, Reason: reason);
}
