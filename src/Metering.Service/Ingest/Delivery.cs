namespace Metering.Service.Ingest;

/// <summary>A batch as it arrived, with what the transport proves of its sender.</summary>
/// <param name="Body">Protobuf bytes of a <c>UsageBatch</c>; owned by the receiver of this record.</param>
/// <param name="Transport"><c>inProcess</c>, <c>http</c> or <c>rabbitmq</c>.</param>
/// <param name="Login">Who sent it, as authenticated: the broker's checked <c>user_id</c>, the host of an API key. Null: nobody was authenticated, so it is refused.</param>
/// <param name="RoutingHost">The host in the routing key; null where there is no routing key.</param>
/// <param name="MayClaimAnyHost">True for the in-process agent and for keys that are allowed to ship for any host (a relay, the simulator).</param>
public sealed record Delivery(ReadOnlyMemory<byte> Body, string Transport, string? Login, string? RoutingHost = null, bool MayClaimAnyHost = false)
{
    /// <summary>It comes from the quarantine: its sequence is known, and it is billed if the ledger can take it now.</summary>
    public bool IsReplay { get; init; }
}
