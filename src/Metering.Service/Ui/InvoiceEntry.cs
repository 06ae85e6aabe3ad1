namespace Metering.Service.Ui;

/// <summary>An invoice or a note as <c>/v1/invoices</c> lists it.</summary>
public sealed record InvoiceEntry(string Id, string Kind, string State, string Period, string Origin, string Tenant, string Currency, decimal Net, decimal Total, string IssuedOn, string? VoidedBy, string? ReplacedBy)
{
    /// <summary>A page of them.</summary>
    public sealed record Page(IReadOnlyList<InvoiceEntry> Invoices);
}
