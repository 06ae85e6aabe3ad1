namespace Metering.Agent.Shipping;

/// <summary>How a publish ended, from the surest to the least sure.</summary>
public enum ShipResult
{
    /// <summary>The ledger has committed it; the answer says up to where.</summary>
    Committed,

    /// <summary>Durable on the way (a broker confirm). The journal keeps it until the ledger reports it.</summary>
    Accepted,

    /// <summary>The other side refuses it, and will again.</summary>
    Rejected,

    /// <summary>Nobody knows: it may have arrived. It is sent again; the receipt makes that harmless.</summary>
    Unknown,
}
