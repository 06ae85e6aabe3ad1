using System.ComponentModel.DataAnnotations;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>The broker that agents publish to. Section <c>Broker</c>.</summary>
public sealed class BrokerOptions
{
    public const string Section = "Broker";

    /// <summary>
    /// <c>amqp://user:password@host:port/vhost</c>, or <c>amqps</c> for TLS. Empty: no broker. Never logged.
    /// The user declares <c>metering.usage</c> and <c>metering.ledger</c>, reads the queue and writes to the default exchange (answers).
    /// </summary>
    public string Url { get; set; } = "";

    /// <summary>Bytes the queue may hold before it refuses publishes (agents then keep their batches). Default 10 GiB. A change needs the queue to be declared anew.</summary>
    [Range(1_048_576L, long.MaxValue)]
    public long MaxQueueBytes { get; set; } = 10L << 30;

    /// <summary>Deliveries held unacknowledged at once, so that one ledger transaction takes many: at least twice its group, so that the next one gathers meanwhile (a quarter faster than with one group). Default 4000; bounds memory together with the size of a batch.</summary>
    [Range(1, ushort.MaxValue)]
    public int Prefetch { get; set; } = 4000;

    /// <summary>Without a sign of life for about twice this time a connection counts as dead. Default 5 s.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a delivery is kept while the ledger can not be written, before it goes back to the queue. Default 15 min:
    /// well below the 30 min after which the broker closes the channel of a consumer that does not acknowledge.
    /// </summary>
    public TimeSpan HoldAtMost { get; set; } = TimeSpan.FromMinutes(15);
}
