using Metering.Messages;

namespace Metering.Service.Ingest;

/// <summary>A later stage that has something to say to agents: it travels with every answer to them.</summary>
internal interface ICommandSource
{
    /// <summary>Signed commands for a host; those that it has are harmless.</summary>
    IReadOnlyList<Command> For(string host);

    /// <summary>A quota that enforces has moved, and that is committed: decides before the agents are answered, so that the answer to the pass that went over has the command. Never throws for what it could not do.</summary>
    Task DecideAsync(CancellationToken cancel);
}
