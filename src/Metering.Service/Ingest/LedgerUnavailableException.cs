namespace Metering.Service.Ingest;

/// <summary>The ledger's store can not be written now (down, full, read-only). Nothing took effect; try again later.</summary>
public sealed class LedgerUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
