using System.Net.Mime;
using MassTransit;
using MassTransit.Serialization;
using RabbitMQ.Client;
using Headers = MassTransit.Headers;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>
/// Gives every delivery to the consumer as bytes and broker properties, whatever its content type says. Headers are not read at all:
/// the ready-made deserializers follow <c>MT-Fault-Address</c> and <c>MT-Response-Address</c> of a raw message and declare exchanges and queues a stranger names.
/// </summary>
internal sealed class RawBytesDeserializer : IMessageDeserializer
{
    public static readonly ContentType AnyContent = new("application/x-protobuf");

    public ContentType ContentType => AnyContent;

    public ConsumeContext Deserialize(ReceiveContext receiveContext)
    {
        var delivery = receiveContext.TryGetPayload(out RabbitMqBasicConsumeContext? broker)
            ? Read(receiveContext.Body, broker.Properties, broker.RoutingKey)
            : Read(receiveContext.Body, properties: null, routingKey: null);
        return new BodyConsumeContext(receiveContext, new RawBytesContext(delivery));
    }

    public SerializerContext Deserialize(MessageBody body, Headers headers, Uri? destinationAddress = null) =>
        new RawBytesContext(Read(body, properties: null, routingKey: null));

    public MessageBody GetMessageBody(string text) => throw new NotSupportedException("This bus only receives.");

    public void Probe(ProbeContext context) => context.CreateScope("bytes");

    /// <summary>The bytes are copied by GetBytes: the client takes its buffer back after the handler.</summary>
    private static UsageDelivery Read(MessageBody body, IReadOnlyBasicProperties? properties, string? routingKey)
    {
        var login = properties?.IsUserIdPresent() is true ? properties.UserId : null;
        var replyTo = properties?.IsReplyToPresent() is true ? properties.ReplyTo : null;
        var host = routingKey?.Split('.', 2)[0];
        return new UsageDelivery(new Delivery(body.GetBytes(), "rabbitmq", login, host), replyTo);
    }
}
