using RabbitMQ.Client;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>What the service declares. One queue only on this path: a confirm waits for every bound queue.</summary>
internal static class BrokerTopology
{
    public const string Exchange = "metering.usage";

    public const string Queue = "metering.ledger";

    /// <summary>
    /// <c>&lt;host id&gt;.usage</c>; a host id has no dot, so one word is enough. With <c>#</c> a key of any shape would reach the ledger only to be refused there;
    /// so it goes back to its sender as unroutable.
    /// </summary>
    public const string BindingKey = "*.usage";

    /// <summary>
    /// Means the same on 3.10 and 4.x. The delivery limit is explicit because 4.x drops a message after 20 redeliveries and -1 drops at the first one on 3.10.
    /// </summary>
    public static Dictionary<string, object?> QueueArguments(BrokerOptions options) => new()
    {
        ["x-queue-type"] = "quorum", // the only kind that is on disk before the confirm
        ["x-delivery-limit"] = 1_000_000,
        ["x-max-length-bytes"] = options.MaxQueueBytes,
        ["x-overflow"] = "reject-publish",
    };

    /// <summary>Declares all of it; without effect on what is there already with the same arguments.</summary>
    public static async Task DeclareAsync(IConnection connection, BrokerOptions options, CancellationToken cancel)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancel);
        await channel.ExchangeDeclareAsync(Exchange, ExchangeType.Topic, durable: true, autoDelete: false, cancellationToken: cancel);
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false, QueueArguments(options), cancellationToken: cancel);
        await channel.QueueBindAsync(Queue, Exchange, BindingKey, cancellationToken: cancel);
    }
}
