using Metering.Agent;

namespace Metering.Cli;

/// <summary>The agent within <c>metering up</c>.</summary>
internal sealed class AgentService(MeteringAgent agent) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var metrics = new AgentMetrics(agent, TimeProvider.System);
        await Task.Run(() => agent.RunAsync(stoppingToken), CancellationToken.None);
    }
}
