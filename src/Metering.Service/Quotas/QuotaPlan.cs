namespace Metering.Service.Quotas;

/// <summary>Limits by name, as given to <c>PUT /v1/quota-plans/{id}</c>. A quota takes one as <c>plan: ID/NAME</c>.</summary>
public sealed record QuotaPlan
{
    public IReadOnlyDictionary<string, decimal> Limits { get; init => field = value ?? new Dictionary<string, decimal>(); } = new Dictionary<string, decimal>();
}
