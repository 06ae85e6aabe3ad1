using Metering.Messages;

namespace Metering.Service.Ingest;

/// <summary>The result for one delivery and the message for its agent.</summary>
/// <param name="Downlink">Null when nothing can be said to anyone: the bytes named no agent, or the sender may not speak for it.</param>
public sealed record IngestAnswer(IngestResult Result, Downlink? Downlink, string? Reason = null);
