namespace Metering.Agent.Shipping;

/// <summary>How the agent reaches the broker. Section <c>Broker</c>.</summary>
public sealed class RabbitMqTransportOptions
{
    public const string Section = "Broker";

    /// <summary><c>amqp://user:password@host:port/vhost</c>, or <c>amqps</c> for TLS. The user is the host id. Never logged.</summary>
    public string Url { get; set; } = "";

    /// <summary>Without a sign of life for about twice this time the connection counts as dead. Default 5 s, range 1 s to 60 s.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>A publish without a confirm for this long ends as unknown. Default 20 s: longer than three heartbeats, so that a dead broker is called dead and not slow.</summary>
    public TimeSpan PublishTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>For each step of connecting: TCP, handshake, opening the channel. Default 10 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);
}
