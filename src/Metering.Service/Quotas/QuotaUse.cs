namespace Metering.Service.Quotas;

/// <summary>What a transaction adds to one figure of a quota, and what it comes to.</summary>
internal sealed class QuotaUse(QuotaKey key)
{
    /// <summary>The component of figures that have no parts; of a cost it has none and is the row that replicas lock.</summary>
    public const string Whole = "";

    /// <summary>Components of <c>starved</c>: how long reserved CPU was waited for, and how long there was some; microseconds.</summary>
    public const string Waited = "waited", Reserved = "reserved";

    public QuotaKey Key => key;

    public CompiledQuota Quota => key.Quota;

    /// <summary>Start of the window, bucket or minute, Unix seconds.</summary>
    public long Start => key.Start;

    public string Component => key.Component;

    /// <summary>In base units; of a peak, the largest.</summary>
    public Int128 Growth;

    /// <summary>The figure with it; only of a quota that is decided at once.</summary>
    public Int128 Used;
}
