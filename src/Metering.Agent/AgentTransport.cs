namespace Metering.Agent;

/// <summary>How batches travel to the service.</summary>
internal enum AgentTransport
{
    InProcess,
    Http,
    RabbitMq,
}
