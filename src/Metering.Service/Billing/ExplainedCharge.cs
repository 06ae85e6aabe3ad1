using Metering.Service.Rating;

namespace Metering.Service.Billing;

/// <summary>A charge walked back: price version and tier → quantity → buckets → batches → kernel readings.</summary>
/// <param name="Arithmetic">Quantity × unit price = cost, with all digits.</param>
/// <param name="Buckets">Usage of the charge's days: what of the meter was counted in each, in base units.</param>
/// <param name="Coverage">Share of the time that the host was metered; null: not known.</param>
/// <param name="EstimatedShare">Share of the CPU time that was split by time.</param>
/// <param name="Batches">That bill the workload in that time, the first ones; each with the readings of its records.</param>
/// <param name="MoreBatches">True when there are more than are listed.</param>
internal sealed record ExplainedCharge(
    string Id, string Period, string Origin, string Tenant, string Day, ExplainedCharge.ExplainedWorkload? Workload, string Sku, string Basis, ExplainedCharge.ExplainedPrice Price, decimal Quantity, string Unit,
    decimal UnitPrice, Amount Cost, string Currency, string Arithmetic, decimal? UsedBase, decimal? ReservedBase, DateTimeOffset From, DateTimeOffset To, decimal? Coverage, decimal? EstimatedShare,
    IReadOnlyList<ExplainedCharge.Bucket> Buckets, IReadOnlyList<ExplainedCharge.Batch> Batches, bool MoreBatches)
{
    internal sealed record ExplainedWorkload(string Id, string Kind, string Name, string Path, string Host);

    internal sealed record ExplainedPrice(string Book, int Version, DateTimeOffset? ValidFrom, DateTimeOffset? ValidTo, string Model, int Tier, decimal TierFrom, decimal? TierTo);

    /// <param name="Quantity">Of the price's meter, in base units; null: unknown.</param>
    internal sealed record Bucket(DateTimeOffset Start, DateTimeOffset End, long? Quantity, long? Reserved)
    {
        /// <summary>On a service credit: what was waited, of how long it was there, and what is credited for it; CPU microseconds. Null: not known.</summary>
        public long? Waited { get; init; }

        /// <inheritdoc cref="Waited"/>
        public long? There { get; init; }

        /// <inheritdoc cref="Waited"/>
        public long? Credited { get; init; }
    }

    /// <param name="Expired">Its bytes are not kept any more: it is one of the host's in that time, by its receipt and hash, and what it billed to the workload is in the bucket's quantity.</param>
    internal sealed record Batch(string Epoch, long FirstSequence, long Sequence, string Sha256, DateTimeOffset WindowStart, DateTimeOffset WindowEnd, IReadOnlyList<Reading> Readings, bool Expired = false);

    /// <param name="Start">The kernel's counter where the record begins, base units.</param>
    internal sealed record Reading(string Path, ulong Inode, string Origin, uint Generation, ulong Start, ulong End, ulong Quantity)
    {
        /// <summary>The meter that was read, by its API name.</summary>
        public string Meter { get; init; } = "";
    }
}
