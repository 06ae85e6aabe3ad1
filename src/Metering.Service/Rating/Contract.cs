namespace Metering.Service.Rating;

/// <summary>What was agreed with a tenant, as given to <c>PUT /v1/tenants/{id}/contract</c>. Amounts are in the tenant's currency.</summary>
public sealed record Contract
{
    /// <summary>Terms one after the other; they do not overlap.</summary>
    public IReadOnlyList<ContractTerms> Terms { get; init => field = value ?? []; } = [];

    /// <summary>Whom invoices are made out to; left out: the tenant's name.</summary>
    public BillTo? BillTo { get; init; }

    /// <summary>Amounts given for nothing, drawn before prepaid ones.</summary>
    public IReadOnlyList<Balance> Credits { get; init => field = value ?? []; } = [];

    /// <summary>Amounts paid in advance.</summary>
    public IReadOnlyList<Balance> Prepaid { get; init => field = value ?? []; } = [];
}
