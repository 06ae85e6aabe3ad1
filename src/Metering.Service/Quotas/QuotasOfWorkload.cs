using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>What a workload counts for, in buckets from one instant (Unix seconds) to another, while the catalogue, its owners and its attributes are these.</summary>
/// <param name="Owner">The owner in those buckets.</param>
internal sealed record QuotasOfWorkload(QuotaCatalogue Catalogue, IReadOnlyList<OwnedInterval> Owners, IReadOnlyList<AttributeVersion> Versions, long From, long To, OwnedInterval Owner, QuotaSet Set)
{
    public bool Holds(QuotaCatalogue catalogue, IReadOnlyList<OwnedInterval> owners, WorkloadEntry workload, long bucket) =>
        ReferenceEquals(Catalogue, catalogue) && bucket >= From && bucket < To && ReferenceEquals(Owners, owners) && ReferenceEquals(Versions, workload.Attributes.Versions);
}
