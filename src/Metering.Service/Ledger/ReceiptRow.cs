using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>A receipt to be written: this batch has taken effect (or was quarantined), once and for all.</summary>
internal sealed record ReceiptRow(AgentEntry Agent, DecodedBatch Batch, bool Quarantined);
