namespace Metering.Service.Ingest;

/// <param name="NextCursor">Null: there are no more.</param>
internal sealed record QuarantinePage(IReadOnlyList<QuarantineEntry> Batches, string? NextCursor);
