namespace Metering.Service.Quotas;

/// <summary>A quota as given to <c>PUT /v1/quotas/{id}</c>.</summary>
public sealed record Quota
{
    public QuotaSubject Subject { get; init; } = new();

    /// <summary>API name of a meter, or <c>cost</c>.</summary>
    public string Meter { get; init; } = "";

    /// <summary><c>hour</c>, <c>day</c>, <c>week</c> or <c>month</c>, in the tenant's zone.</summary>
    public string Window { get; init; } = "month";

    /// <summary>In the meter's API unit (seconds, bytes, …), or in the tenant's currency for <c>cost</c>.</summary>
    public decimal Limit { get; init; }

    /// <summary>Percent of the limit, each fires once per window.</summary>
    public IReadOnlyList<decimal> Thresholds { get; init; } = [100];

    /// <summary>Ids of webhooks.</summary>
    public IReadOnlyList<string> Notify { get; init; } = [];
}
