using Metering.Service.Ledger;

namespace Metering.Service.Rating;

/// <summary>A later stage that has a say in prices, because it counts cost as usage arrives (quotas).</summary>
internal interface IPriceGuard
{
    /// <summary>What would not work with the prices, contracts and tenants as this transaction leaves them.</summary>
    Task<IReadOnlyList<Fault>> CheckAsync(LedgerTransaction transaction, PriceCatalogue prices, DateTimeOffset now);
}
