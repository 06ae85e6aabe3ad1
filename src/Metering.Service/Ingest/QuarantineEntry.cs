namespace Metering.Service.Ingest;

/// <summary>A batch that was kept aside, with its bytes.</summary>
/// <param name="Host">As the batch says; null: it could not be told.</param>
/// <param name="Waiting">True: its content was at fault, its number has advanced, and a replay looks at it again. False: its sender or its number was refused.</param>
internal sealed record QuarantineEntry(long Id, DateTimeOffset ReceivedAt, string Transport, string? Host, string? Epoch, long Sequence, string Reason, long Bytes, bool Waiting);
