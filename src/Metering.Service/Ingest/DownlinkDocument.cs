namespace Metering.Service.Ingest;

/// <summary>The JSON form of <c>metering.v1.Downlink</c>, for the API document.</summary>
internal sealed record DownlinkDocument(string AgentEpoch, ulong CommittedSequence, uint Duplicates, IReadOnlyList<DownlinkDocument.RefusalDocument> Refused)
{
    internal sealed record RefusalDocument(ulong Sequence, string Reason);
}
