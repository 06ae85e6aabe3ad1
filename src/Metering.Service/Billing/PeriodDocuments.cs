namespace Metering.Service.Billing;

/// <summary>What closing a period would issue, without the charges behind it.</summary>
/// <param name="Start">Where the period begins in the first zone, Unix seconds.</param>
/// <param name="End">Where it ends in the last zone.</param>
/// <param name="Corrected">Earlier periods that would be rated anew.</param>
/// <param name="Before">What was issued in the period already: notes of voided invoices, and ones issued anew.</param>
/// <param name="Documents">Numbered as they would be.</param>
internal sealed record PeriodDocuments(long Start, long End, IReadOnlyList<string> Corrected, IReadOnlyList<InvoiceDocument> Before, IReadOnlyList<InvoiceDocument> Documents)
{
    /// <summary>What of it is a tenant's; null: all.</summary>
    public PeriodDocuments Of(string? tenant) => tenant is null ? this : this with
    {
        Before = [.. Before.Where(document => document.Tenant.Id == tenant)],
        Documents = [.. Documents.Where(document => document.Tenant.Id == tenant)],
    };
}
