using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>A test on the shared node, which starts with an empty queue or none.</summary>
[Collection(BrokerGroup.Name)]
public abstract class BrokerTest(BrokerNode node) : IAsyncLifetime
{
    internal RabbitMqServer Server { get; private set; } = null!;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Server = await node.GetAsync();
        await Server.EnsureRunningAsync();
        await Server.ForgetServicesAsync();
        if ((await Server.NamesAsync("list_queues")).Contains("metering.ledger")) await Server.ControlAsync("delete_queue", "metering.ledger");
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected string AgentUrl(string host) => Server.Url(host, BrokerNode.AgentPassword);
}
