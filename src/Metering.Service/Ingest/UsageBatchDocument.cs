namespace Metering.Service.Ingest;

/// <summary>The JSON form of <c>metering.v1.UsageBatch</c>, for the API document; the real reading is by protobuf's JSON mapping (64-bit numbers may be strings).</summary>
internal sealed record UsageBatchDocument(
    string Host, string BootId, string AgentEpoch, string FirstSequence, string Sequence, DateTimeOffset WindowStart, DateTimeOffset WindowEnd,
    string CoveredMicroseconds, string ExpectedMicroseconds, IReadOnlyList<object>? Parents, IReadOnlyList<object>? Workloads, int Schema);
