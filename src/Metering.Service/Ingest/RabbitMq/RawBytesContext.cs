using System.Diagnostics.CodeAnalysis;
using MassTransit;
using MassTransit.Serialization;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>A message context in which nothing comes from the sender but the delivery itself: no ids, no addresses, no headers.</summary>
internal sealed class RawBytesContext(UsageDelivery delivery) : BaseSerializerContext(
    SystemTextJsonMessageSerializer.Instance,
    new RawMessageContext(EmptyHeaders.Instance, destinationAddress: null, RawSerializerOptions.AnyMessageType),
    [MessageUrn.ForTypeString<UsageDelivery>()])
{
    public override bool TryGetMessage<T>([NotNullWhen(true)] out T? message)
        where T : class
    {
        message = delivery as T;
        return message is not null;
    }

    public override bool TryGetMessage(Type messageType, [NotNullWhen(true)] out object? message)
    {
        message = messageType.IsInstanceOfType(delivery) ? delivery : null;
        return message is not null;
    }

    public override IMessageSerializer GetMessageSerializer() => RawBytesSerializer.Instance;

    public override IMessageSerializer GetMessageSerializer<T>(MessageEnvelope envelope, T message) => RawBytesSerializer.Instance;

    public override IMessageSerializer GetMessageSerializer(object message, string[] messageTypes) => RawBytesSerializer.Instance;

    public override Dictionary<string, object> ToDictionary<T>(T? message)
        where T : class => [];
}
