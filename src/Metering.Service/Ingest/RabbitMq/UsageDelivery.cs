namespace Metering.Service.Ingest.RabbitMq;

/// <summary>A delivery of the queue with the address that awaits the answer; the one message type of this bus.</summary>
/// <param name="ReplyTo">As the sender gave it; not trusted, see <see cref="ReplyChannel"/>.</param>
public sealed record UsageDelivery(Delivery Delivery, string? ReplyTo);
