using Metering.Messages;

namespace Metering.Service.Ingest;

/// <summary>A later stage that has something to say to agents: it travels with every answer to them.</summary>
internal interface ICommandSource
{
    /// <summary>Signed commands for a host; those that it has are harmless.</summary>
    IReadOnlyList<Command> For(string host);
}
