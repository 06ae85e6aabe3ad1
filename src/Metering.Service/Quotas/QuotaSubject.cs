namespace Metering.Service.Quotas;

/// <summary>Whose usage counts: a tenant, or one of its projects.</summary>
public sealed record QuotaSubject
{
    public string? Tenant { get; init; }

    public string? Project { get; init; }
}
