using Metering.Agent;
using Metering.Service.Enforcement;
using Metering.Service.Ledger;

namespace Metering.Cli;

/// <summary>The agent within <c>metering up</c>.</summary>
internal sealed class AgentService(MeteringAgent agent, LedgerStore store, EnforcementKeeper keeper) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Agent and service are one process here: whose orders count needs no setting.
        keeper.SignsWith += key => agent.Enforcer.Trust(key);
        foreach (var key in await EnforcementLedger.PublicKeysAsync(store, stoppingToken)) agent.Enforcer.Trust(key);
        using var metrics = new AgentMetrics(agent, TimeProvider.System);
        await Task.Run(() => agent.RunAsync(stoppingToken), CancellationToken.None);
    }
}
