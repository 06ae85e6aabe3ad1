using Metering.Agent;

namespace Metering.Cli;

/// <summary>The agent within <c>metering up</c>.</summary>
internal sealed class AgentService(MeteringAgent agent) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(() => agent.RunAsync(stoppingToken), CancellationToken.None);
}
