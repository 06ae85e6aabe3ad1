namespace Metering.Service.Ingest;

/// <summary>The one door into the ledger, for every transport.</summary>
public interface IIngest
{
    /// <summary>
    /// Ends after the transaction that holds the delivery has committed. Content never throws: it is committed, a duplicate, quarantined or refused.
    /// Throws <see cref="LedgerUnavailableException"/> when the store can not be written; the delivery then had no effect and is to be given again.
    /// </summary>
    Task<IngestAnswer> CommitAsync(Delivery delivery, CancellationToken cancel);
}
