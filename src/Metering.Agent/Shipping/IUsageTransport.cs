using Metering.Messages;

namespace Metering.Agent.Shipping;

/// <summary>
/// Carries batches to the service. The bytes go unchanged: their SHA-256 is the identity of a batch's content.
/// A transport never drops a batch on its own account; whatever it can not prove ends as <see cref="ShipResult.Unknown"/> and is sent again from the journal.
/// </summary>
public interface IUsageTransport : IAsyncDisposable
{
    /// <summary>For messages and metrics: <c>inProcess</c>, <c>http</c>, <c>rabbitmq</c>.</summary>
    string Name { get; }

    /// <summary>Batches that may be under way at once.</summary>
    int Window { get; }

    /// <summary>Makes ready to publish. Throws <see cref="TransportException"/> with cause and remedy when the other side can not be reached or refuses the login.</summary>
    Task ConnectAsync(CancellationToken cancel);

    /// <summary>
    /// Sends one batch. Ends as committed (with the ledger's answer), accepted (durable on the way, answer follows through <see cref="Answers"/>),
    /// rejected (refused for a reason) or unknown (time-out, lost connection). Takes no token: an abandoned publish must still end. Never throws for such outcomes.
    /// </summary>
    Task<ShipOutcome> PublishAsync(OutgoingBatch batch);

    /// <summary>Asks what the ledger has committed of this epoch, where the transport can ask; null where it can not.</summary>
    Task<Downlink?> QueryAsync(string host, string epoch, CancellationToken cancel);

    /// <summary>Answers that arrive on their own, after the publish has ended.</summary>
    Action<Downlink>? Answers { get; set; }

    /// <summary>Drops the connection at once; every publish under way ends as unknown. The next <see cref="ConnectAsync"/> starts afresh.</summary>
    ValueTask ResetAsync();
}
