using Metering.Service.Ledger;

namespace Metering.Service.Quotas;

/// <summary>The running figures of quotas as the writer of usage has them. One owner, which forgets what a transaction learnt that is rolled back.</summary>
internal interface IQuotaFigures
{
    /// <summary>
    /// Adds the growth, in the order given, and writes into each use of a quota that is decided at once what its figure is then. Gives the figures of costs in the windows that grew, as they are then.
    /// </summary>
    Task<ILookup<string, QuotaFigure>> AddAsync(LedgerTransaction transaction, IReadOnlyList<QuotaUse> uses);

    void Forget();

    /// <summary>Those of the store.</summary>
    static IQuotaFigures Of(LedgerStore store) => store.IsPostgres ? new PostgresFigures() : new SqliteFigures();
}
