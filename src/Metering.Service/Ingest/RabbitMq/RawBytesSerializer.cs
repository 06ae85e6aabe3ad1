using System.Net.Mime;
using MassTransit;

namespace Metering.Service.Ingest.RabbitMq;

/// <summary>The bus asks for a serializer; this one makes sure that nothing is ever sent over it. Answers have a channel of their own.</summary>
internal sealed class RawBytesSerializer : IMessageSerializer, ISerializerFactory
{
    public static readonly RawBytesSerializer Instance = new();

    public ContentType ContentType => RawBytesDeserializer.AnyContent;

    public MessageBody GetMessageBody<T>(SendContext<T> context)
        where T : class => throw new NotSupportedException("This bus only receives.");

    public IMessageSerializer CreateSerializer() => this;

    public IMessageDeserializer CreateDeserializer() => new RawBytesDeserializer();
}
