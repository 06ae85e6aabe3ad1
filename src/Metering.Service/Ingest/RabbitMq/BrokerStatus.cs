namespace Metering.Service.Ingest.RabbitMq;

/// <summary>Whether the ledger's queue is being consumed; for readiness and <c>doctor</c>. Thread-safe.</summary>
public sealed class BrokerStatus
{
    private volatile string? _trouble = "The consumer has not been started yet.";

    /// <summary>True while a consumer is attached to <c>metering.ledger</c>.</summary>
    public bool IsConsumerAttached => _trouble is null;

    /// <summary>Why no consumer is attached, in one sentence; null while one is.</summary>
    public string? Trouble => _trouble;

    internal void Attached() => _trouble = null;

    internal void Detached(string trouble) => _trouble = trouble;
}
