namespace Metering.Service.Quotas;

/// <summary>What a transaction adds to one figure of a quota, and what it comes to.</summary>
internal sealed class QuotaUse(CompiledQuota quota, long start, string component)
{
    /// <summary>The component of figures that have no parts; of a cost it has none and is the row that replicas lock.</summary>
    public const string Whole = "";

    /// <summary>Components of <c>starved</c>: how long reserved CPU was waited for, and how long there was some; microseconds.</summary>
    public const string Waited = "waited", Reserved = "reserved";

    public CompiledQuota Quota => quota;

    /// <summary>Start of the window, bucket or minute, Unix seconds.</summary>
    public long Start => start;

    public string Component => component;

    /// <summary>Whether the figure decides as it is written.</summary>
    public bool IsAsked => quota is { IsImmediate: true, IsCost: false };

    /// <summary>In base units; of a peak, the largest.</summary>
    public Int128 Growth;

    /// <summary>The figure with it.</summary>
    public Int128 Used;
}
