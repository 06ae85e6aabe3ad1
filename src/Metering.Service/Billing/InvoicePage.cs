using System.Globalization;
using System.Net;
using System.Text;
using Metering.Service.Tenants;
using Microsoft.AspNetCore.Http;
using NodaTime;

namespace Metering.Service.Billing;

/// <summary>A document as a page to print: A4, no script, nothing loaded from elsewhere.</summary>
internal static class InvoicePage
{
    private const string Style = """
        @page { size: A4; margin: 18mm 16mm 20mm; }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 180mm; padding: 10mm 0; color: #1a1f2b; font: 10pt/1.45 "Inter", "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
        header { display: flex; justify-content: space-between; align-items: flex-start; border-bottom: 2px solid #1f4e8c; padding-bottom: 6mm; }
        h1 { margin: 0; font-size: 20pt; color: #1f4e8c; }
        dl { display: grid; grid-template-columns: auto auto; gap: 1mm 5mm; margin: 0; }
        dt { color: #667085; } dd { margin: 0; text-align: right; }
        .to { margin: 8mm 0; } .to strong { display: block; font-size: 12pt; }
        table { width: 100%; border-collapse: collapse; } thead { display: table-header-group; } tr { break-inside: avoid; }
        th { text-align: left; color: #667085; font-weight: 600; border-bottom: 1px solid #98a2b3; padding: 1.5mm 2mm; }
        td { padding: 1.8mm 2mm; border-bottom: 1px solid #eaecf0; vertical-align: top; }
        .n { text-align: right; white-space: nowrap; } small { color: #667085; }
        tfoot td { border: 0; border-top: 2px solid #1f4e8c; font-weight: 700; font-size: 12pt; padding-top: 3mm; }
        footer { margin-top: 10mm; color: #667085; font-size: 7.5pt; overflow-wrap: anywhere; }
        @media print { body { padding: 0; max-width: none; } }
        """;

    /// <summary>True when the request asks for a page, by <c>format=html</c> or by <c>Accept</c>.</summary>
    public static bool Wanted(HttpRequest request, string? format) =>
        string.Equals(format, "html", StringComparison.OrdinalIgnoreCase) || (format is null && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase));

    public static string Render(InvoiceDocument document, string hash)
    {
        var digits = Currency.TryDigits(document.Currency, out var known) ? known : 2;
        var zone = TenantCalendar.Zone(document.Tenant.TimeZone);
        var title = document.Kind switch { "creditNote" => "Credit note", "debitNote" => "Debit note", _ => "Invoice" };
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} {Safe(document.Id)}</title><style>{Style}</style></head><body>");
        page.Append(CultureInfo.InvariantCulture, $"<header><h1>{title}</h1><dl><dt>Number</dt><dd>{Safe(document.Id)}</dd><dt>Issued</dt><dd>{Safe(document.IssuedOn)}</dd><dt>Period</dt><dd>{Safe(document.Origin)}</dd>");
        if (document.Corrects is { } corrects) page.Append(CultureInfo.InvariantCulture, $"<dt>Corrects</dt><dd>Invoice {Safe(corrects)}</dd>");
        page.Append(CultureInfo.InvariantCulture, $"</dl></header><p class=\"to\"><small>To</small><strong>{Safe(document.Tenant.Name)}</strong>{Safe(document.Tenant.Id)}<br><small>Metered from {Local(document.From)} to {Local(document.To)} ({Safe(document.Tenant.TimeZone)})</small></p>");
        page.Append(CultureInfo.InvariantCulture, $"<table><thead><tr><th>What</th><th class=\"n\">Quantity</th><th class=\"n\">Unit price</th><th class=\"n\">{Safe(document.Currency)}</th></tr></thead><tbody>");
        foreach (var line in document.Lines)
        {
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Safe(line.Text)}");
            if (line.Tier is { } tier && (tier > 0 || line.TierTo is not null)) page.Append(CultureInfo.InvariantCulture, $"<br><small>from {Number(line.TierFrom ?? 0, 9)}{(line.TierTo is { } to ? " to " + Number(to, 9) : "")} {Safe(line.Unit)}</small>");
            if (line.Effective is { } effective) page.Append(CultureInfo.InvariantCulture, $"<br><small>worth {effective.ToString("N" + digits, CultureInfo.InvariantCulture)} {Safe(document.Currency)}</small>");
            page.Append(CultureInfo.InvariantCulture, $"</td><td class=\"n\">{(line.Quantity is { } quantity ? Number(quantity, 9) + "<br><small>" + Safe(line.Unit) + "</small>" : "")}</td><td class=\"n\">{(line.UnitPrice is { } price ? Number(price, 10) : "")}</td><td class=\"n\">{line.Amount.ToString("N" + digits, CultureInfo.InvariantCulture)}</td></tr>");
        }

        page.Append(CultureInfo.InvariantCulture, $"</tbody><tfoot><tr><td colspan=\"3\">{(document.Total < 0 ? "To be paid back" : "Total to pay")}</td><td class=\"n\">{document.Total.ToString("N" + digits, CultureInfo.InvariantCulture)}</td></tr></tfoot></table>");
        page.Append(CultureInfo.InvariantCulture, $"<footer>SHA-256 {Safe(hash)}. Every line can be walked back to the kernel's counters: GET /v1/invoices/{Safe(document.Id)}/charges.</footer></body></html>");
        return page.ToString();

        string Local(DateTimeOffset at) => Instant.FromDateTimeOffset(at).InZone(zone).ToString("uuuu-MM-dd HH:mm", CultureInfo.InvariantCulture);
    }

    private static string Number(decimal value, int places) => value.ToString("#,##0." + new string('#', places), CultureInfo.InvariantCulture);

    private static string Safe(string? text) => WebUtility.HtmlEncode(text ?? "");
}
