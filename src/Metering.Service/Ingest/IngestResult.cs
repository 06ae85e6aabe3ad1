namespace Metering.Service.Ingest;

/// <summary>What became of a delivery.</summary>
public enum IngestResult
{
    /// <summary>New, and now in the ledger.</summary>
    Committed,

    /// <summary>Its receipt was there with the same hash: no effect.</summary>
    Duplicate,

    /// <summary>Bad content or a newer major version: bytes and reason are kept, the sequence advances.</summary>
    Quarantined,

    /// <summary>Wrong identity or a fork: bytes and reason are kept, the sequence does not advance.</summary>
    Refused,
}
