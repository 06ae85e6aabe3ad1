namespace Metering.Service.Billing;

/// <summary>Who issues invoices, as it was when the invoice was issued.</summary>
public sealed record InvoiceSeller
{
    public string Name { get; init; } = "";

    public IReadOnlyList<string> Address { get; init => field = value ?? []; } = [];

    public string? TaxId { get; init; }

    /// <summary>Such as where to pay to.</summary>
    public string? Footer { get; init; }
}
