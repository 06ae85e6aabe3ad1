using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>One delivery of a group, decoded and judged as far as that goes without the database.</summary>
/// <param name="Fault">Bad content: quarantined, the sequence advances if host, epoch and sequence can be told.</param>
/// <param name="Refusal">Wrong identity: nothing of the claimed host is touched.</param>
public sealed record GroupItem(Delivery Delivery, DecodedBatch Batch, string? Fault, string? Refusal);
