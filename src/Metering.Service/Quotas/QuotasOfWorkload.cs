using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>What a workload counts for while the catalogue, its owner and its attributes are these.</summary>
internal sealed record QuotasOfWorkload(QuotaCatalogue Catalogue, OwnedInterval Owner, AttributeVersion Version, QuotaSet Set);
