using System.Text;
using RabbitMQ.Client;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>Whatever a sender with a valid login puts into a message, the ledger gets its bytes, nothing is declared and the consumer stays.</summary>
public sealed class HostileContentTests(BrokerNode node) : BrokerTest(node)
{
    private const string Envelope = """
        {"messageId":"11110000-0000-0000-0000-000000000001","faultAddress":"rabbitmq://localhost/evil-fault","responseAddress":"rabbitmq://localhost/evil-response",
         "messageType":["urn:message:Metering.Service.Ingest.RabbitMq:UsageDelivery"],"message":{"replyTo":"evil"}}
        """;

    [Fact]
    public async Task Hostile_content_is_delivered_as_bytes_and_declares_nothing()
    {
        await using var service = await ServiceDouble.AttachAsync(Server.ServiceUrl);
        var exchanges = await Server.NamesAsync("list_exchanges");
        var queues = await Server.NamesAsync("list_queues");
        await using var connection = await new ConnectionFactory { Uri = new Uri(AgentUrl("host-a")), AutomaticRecoveryEnabled = false }.CreateConnectionAsync(Cancel);
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), Cancel);

        var cases = Cases().ToArray();
        foreach (var (properties, body) in cases)
        {
            foreach (var userId in new[] { "host-a", null })
            {
                if (userId is null) properties.ClearUserId();
                else properties.UserId = userId;
                await channel.BasicPublishAsync("metering.usage", "host-a.usage", mandatory: true, properties, body, CancellationToken.None);
            }
        }

        await Eventually.HoldsAsync(() => service.Ingest.Deliveries.Count >= cases.Length * 2, () => $"{cases.Length * 2} are delivered, not {service.Ingest.Deliveries.Count}");
        await using var agent = new AgentDouble(AgentUrl("host-b"), "host-b");
        await agent.ShipAllAsync(1, Cancel);

        Assert.Equal((cases.Length * 2) + 1, service.Ingest.Calls); // once each: nothing was redelivered
        Assert.Equal(cases.Length, service.Ingest.Deliveries.Count(delivery => delivery.Login is null));
        Assert.Equal(
            cases.Select(c => Convert.ToHexString(c.Body)).Order(),
            service.Ingest.Deliveries.Where(delivery => delivery.Login == "host-a").Select(delivery => Convert.ToHexString(delivery.Body.Span)).Order());
        Assert.Equal(exchanges, await Server.NamesAsync("list_exchanges"));
        Assert.Equal(queues, await Server.NamesAsync("list_queues"));
        Assert.True(service.Status.IsConsumerAttached);
    }

    private static IEnumerable<(BasicProperties Properties, byte[] Body)> Cases()
    {
        foreach (var text in new[] { "", "{}", "null", "[1,2,3]", "{\"host\":\"a\"", new string('[', 1 << 20), "{\"a\":1,\"a\":NaN,\"b\":1e999,\"c\":-0}", "\uFEFF{}", Envelope })
        {
            foreach (var contentType in new[] { null, "application/json", "application/vnd.masstransit+json", "application/x-protobuf", "not a type ; ; =", "" })
                yield return (new BasicProperties { ContentType = contentType }, Encoding.UTF8.GetBytes(text));
        }

        byte[] garbage = [0xFF, 0xFE, 0x00, 0x80, 0xC3];
        yield return (new BasicProperties { MessageId = "not a guid", CorrelationId = "{", Expiration = "86400000", Type = new string('t', 255) }, garbage);
        yield return (new BasicProperties { ContentEncoding = "gzip", Priority = 255, Timestamp = new AmqpTimestamp(long.MaxValue) }, garbage);
        yield return (new BasicProperties
        {
            ContentType = "application/vnd.masstransit+json",
            ReplyTo = "evil-reply",
            Headers = new Dictionary<string, object?>
            {
                ["MT-Fault-Address"] = "rabbitmq://localhost/evil-fault",
                ["MT-Response-Address"] = "rabbitmq://localhost/evil-response",
                ["MT-Source-Address"] = "rabbitmq://localhost/evil-source",
                ["MT-MessageType"] = "urn:message:Evil:Type",
                ["MT-Redelivery-Count"] = "x",
                ["MT-Request-Id"] = "11110000-0000-0000-0000-000000000001",
                ["MT-Activity-Id"] = "00-x",
                ["traceparent"] = "00-zzzz",
                ["x-delivery-count"] = -1L,
                ["nested"] = new Dictionary<string, object?> { ["list"] = new List<object?> { 1, "two", null } },
            },
        }, Encoding.UTF8.GetBytes(Envelope));
    }
}
