namespace Metering.Service.Billing;

/// <summary>Whom an invoice is for, as it was when the invoice was issued.</summary>
public sealed record InvoiceTenant(string Id, string Name, string TimeZone);
