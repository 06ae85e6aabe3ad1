namespace Metering.Service.Rating;

/// <summary>What of a workload is priced in a bucket.</summary>
public enum PriceBasis
{
    Usage,
    Reservation,

    /// <summary>The larger of the two, bucket by bucket; the one that is known when the other is not.</summary>
    Larger,
}
