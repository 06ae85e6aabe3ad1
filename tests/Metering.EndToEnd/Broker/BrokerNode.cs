using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Broker;

/// <summary>The node that the tests of this folder share, started by the first of them. Agents <c>host-a</c> and <c>host-b</c> have users.</summary>
public sealed class BrokerNode : IAsyncLifetime
{
    public const string AgentPassword = "agent-secret";

    private RabbitMqServer? _server;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Inside the test and not in the fixture, so that a missing package skips the test.</summary>
    internal async Task<RabbitMqServer> GetAsync()
    {
        if (_server is not null) return _server;

        _server = await RabbitMqServer.StartAsync();
        await _server.AddAgentUserAsync("host-a", AgentPassword);
        await _server.AddAgentUserAsync("host-b", AgentPassword);
        return _server;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }
}
