namespace Metering.Service.Rating;

/// <summary>Whom a tenant's invoices are made out to.</summary>
public sealed record BillTo
{
    /// <summary>The company's name, at most 200 characters; left out: the tenant's.</summary>
    public string? Name { get; init; }

    /// <summary>At most 8 lines.</summary>
    public IReadOnlyList<string> Address { get; init => field = value ?? []; } = [];

    /// <summary>Such as a VAT number.</summary>
    public string? TaxId { get; init; }

    /// <summary>What the customer wants to read on it, such as the number of an order.</summary>
    public string? Reference { get; init; }
}
