using System.Globalization;
using System.Net;
using System.Text;
using Metering.Service.Tenants;
using NodaTime;

namespace Metering.Service.Billing;

/// <summary>A document as a page to print: A4, no script, nothing loaded from elsewhere.</summary>
internal static class InvoicePage
{
    // What is charged, by the heading that it stands under, in this order.
    private static readonly (string Heading, string[] Kinds)[] Groups =
    [
        ("Usage", ["usage"]), ("Share of host cost", ["allocation"]), ("Discounts", ["discount"]), ("Commitment and minimum", ["commitmentPurchase", "commitmentUsed", "commitmentUnused", "minimum"]), ("Service credits", ["serviceCredit"]),
    ];

    public static string Title(InvoiceDocument document) => (document.IsDraft ? "Draft " : "") + document.Kind switch { "creditNote" => document.IsDraft ? "credit note" : "Credit note", "debitNote" => document.IsDraft ? "debit note" : "Debit note", _ => document.IsDraft ? "invoice" : "Invoice" };

    /// <param name="hash">Of the document.</param>
    /// <param name="manifest">Hash of the manifest of the month that issued it; null: the month is open.</param>
    public static string Render(InvoiceDocument document, InvoiceState state, string hash, string? manifest)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{Title(document)} {Safe(document.Id)}</title><style>{InvoiceStyle.Css(Quoted($"{Title(document)} {document.Id}"))}</style></head><body>");
        Head(page, document, state);
        Lines(page, document);
        Totals(page, document);
        Foot(page, document, hash, manifest);
        return page.Append("</body></html>").ToString();
    }

    private static void Head(StringBuilder page, InvoiceDocument document, InvoiceState state)
    {
        if (state.State == "voided") page.Append(CultureInfo.InvariantCulture, $"<p class=\"void\">Voided by {Safe(state.VoidedBy)}: {Safe(state.Reason)}{(state.ReplacedBy is { } by ? ". Replaced by " + Safe(by) : "")}</p>");
        if (document.IsDraft) page.Append(CultureInfo.InvariantCulture, $"<p class=\"void\">DRAFT. Not issued, not to be paid: what {Safe(document.Origin)} costs so far. It has no number, and its figures change until the month is closed.</p>");
        page.Append("<header><div class=\"seller\">");
        if (document.Seller is { } seller)
        {
            page.Append(CultureInfo.InvariantCulture, $"<strong>{Safe(seller.Name)}</strong>");
            foreach (var line in seller.Address) page.Append(CultureInfo.InvariantCulture, $"<br>{Safe(line)}");
            if (seller.TaxId is { } tax) page.Append(CultureInfo.InvariantCulture, $"<br>Tax number {Safe(tax)}");
        }

        page.Append(CultureInfo.InvariantCulture, $"</div><h1>{Title(document)}</h1></header><section class=\"parties\"><div class=\"to\"><small>{(document.Kind == "creditNote" ? "Credit to" : "Bill to")}</small><strong>{Safe(document.BillTo?.Name ?? document.Tenant.Name)}</strong>");
        foreach (var line in document.BillTo?.Address ?? []) page.Append(CultureInfo.InvariantCulture, $"{Safe(line)}<br>");
        if (document.BillTo?.TaxId is { } id) page.Append(CultureInfo.InvariantCulture, $"Tax number {Safe(id)}<br>");
        page.Append(CultureInfo.InvariantCulture, $"<small>Tenant {Safe(document.Tenant.Id)}</small></div><dl>");
        Fact("Number", document.IsDraft ? "none, a draft" : document.Id);
        if (!document.IsDraft) Fact("Date", document.IssuedOn);
        if (!document.IsDraft) Fact("Due", document.DueOn);
        Fact("Month", document.Origin);
        var (from, to) = Days(document);
        Fact("Service period", $"{from} \u2013 {to}");
        Fact("Reference", document.BillTo?.Reference);
        Fact(document.Voids is null ? "Corrects invoice" : "Takes back invoice", document.Corrects);
        Fact("In place of", document.Replaces);
        page.Append("</dl></section>");

        void Fact(string name, string? value)
        {
            if (value is not null) page.Append(CultureInfo.InvariantCulture, $"<dt>{name}</dt><dd>{Safe(value)}</dd>");
        }
    }

    private static void Lines(StringBuilder page, InvoiceDocument document)
    {
        page.Append(CultureInfo.InvariantCulture, $"<table><thead><tr><th>Description</th><th class=\"n\">Quantity</th><th>Unit</th><th class=\"n\">Unit price</th><th class=\"n\">Amount {Safe(document.Currency)}</th></tr></thead>");
        foreach (var (heading, kinds) in Groups)
        {
            var lines = document.Lines.Where(line => kinds.Contains(line.Kind)).ToList();
            if (lines.Count == 0) continue;
            page.Append(CultureInfo.InvariantCulture, $"<tbody><tr class=\"g\"><th colspan=\"4\">{heading}</th><th class=\"n\">{Money(lines.Sum(line => line.Amount), document)}</th></tr>");
            foreach (var line in lines) Line(page, document, line);
            page.Append("</tbody>");
        }

        page.Append("</table>");
    }

    private static void Line(StringBuilder page, InvoiceDocument document, InvoiceLine line)
    {
        page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Safe(LineText.Of(line.Text))}");
        if (line.Tier is { } tier && (tier > 0 || line.TierTo is not null))
            page.Append(CultureInfo.InvariantCulture, $"<br><small>Tier {tier + 1}, from {Number(line.TierFrom ?? 0, 9)}{(line.TierTo is { } to ? " to " + Number(to, 9) : "")} {Safe(line.Unit)}</small>");
        if (line.Effective is { } effective) page.Append(CultureInfo.InvariantCulture, $"<br><small>worth {Money(effective, document)} {Safe(document.Currency)}, paid with the commitment</small>");
        page.Append(CultureInfo.InvariantCulture, $"</td><td class=\"n\">{(line.Quantity is { } quantity ? Number(quantity, 9) : "")}</td><td>{Safe(line.Unit)}</td><td class=\"n\">{(line.UnitPrice is { } price ? Number(price, 10) : "")}</td><td class=\"n\">{Money(line.Amount, document)}</td></tr>");
    }

    private static void Totals(StringBuilder page, InvoiceDocument document)
    {
        page.Append("<section class=\"totals\"><table>");
        Row("Sum of the lines", document.Net);
        foreach (var tax in document.Lines.Where(line => line.Kind == "tax")) Row($"{tax.Text} on {Money(tax.TaxBase ?? 0, document)}", tax.Amount);
        foreach (var draw in document.Lines.Where(line => line.IsDraw)) Row(draw.Text, draw.Amount);
        page.Append(CultureInfo.InvariantCulture, $"<tr class=\"sum\"><td>{(document.Total < 0 ? "To be paid back" : document.IsDraft ? "Total so far" : "Total to pay")}</td><td class=\"n\">{Safe(document.Currency)} {Money(Math.Abs(document.Total), document)}</td></tr></table>");
        if (document is { IsDraft: false, DueOn: { } due }) page.Append(CultureInfo.InvariantCulture, $"<p>Please pay by {Safe(due)}, and give the number {Safe(document.Id)}.</p>");
        page.Append("</section>");

        void Row(string name, decimal amount) => page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Safe(name)}</td><td class=\"n\">{Money(amount, document)}</td></tr>");
    }

    private static void Foot(StringBuilder page, InvoiceDocument document, string hash, string? manifest)
    {
        page.Append("<footer>");
        if (document.Seller?.Footer is { } footer) page.Append(CultureInfo.InvariantCulture, $"<p class=\"pay\">{Safe(footer)}</p>");
        page.Append("<ol>");
        if (document.EstimatedShare is { } share) page.Append(CultureInfo.InvariantCulture, $"<li>{(share == 0 ? "Every CPU second was read from the kernel; none is an estimate." : $"{Number(share * 100, 4)} % of the CPU time is an estimate: its sum is exact, how it falls on workloads and hours is not.")}</li>");
        if (document.Lines.FirstOrDefault(line => line.Kind == "adjustment") is { } residue) page.Append(CultureInfo.InvariantCulture, $"<li>Lines are rounded to the minor unit of {Safe(document.Currency)}; the residue of all of them is {Number(residue.Cost.ToNearest(), 19)}.</li>");
        page.Append(CultureInfo.InvariantCulture, $"<li>Times are those of {Safe(document.Tenant.TimeZone)}. {(document.IsDraft ? "" : $"Every line can be walked back to the kernel's counters: <code>metering invoices explain {Safe(document.Id)}</code>.")}</li>");
        if (!document.IsDraft) page.Append(CultureInfo.InvariantCulture, $"<li>SHA-256 of this document <code>{Safe(hash)}</code>{(manifest is null ? $"; the manifest of {Safe(document.Period)} will have it" : $", in the manifest of {Safe(document.Period)} <code>{Safe(manifest)}</code>")}.</li>");
        page.Append("</ol></footer>");
    }

    private static (string From, string To) Days(InvoiceDocument document)
    {
        var zone = TenantCalendar.Zone(document.Tenant.TimeZone);
        return (Local(document.From), Local(document.To - TimeSpan.FromTicks(1)));

        string Local(DateTimeOffset at) => Instant.FromDateTimeOffset(at).InZone(zone).ToString("uuuu-MM-dd", CultureInfo.InvariantCulture);
    }

    private static string Money(decimal amount, InvoiceDocument document) => amount.ToString("N" + (Currency.TryDigits(document.Currency, out var digits) ? digits : 2).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).Replace('-', '\u2212');

    private static string Number(decimal value, int places) => value.ToString("#,##0." + new string('#', places), CultureInfo.InvariantCulture).Replace('-', '\u2212');

    private static string Safe(string? text) => WebUtility.HtmlEncode(text ?? "");

    // As a text of a style sheet; ours has letters and digits only.
    private static string Quoted(string text) => "\"" + string.Concat(text.Where(c => char.IsAsciiLetterOrDigit(c) || c == ' ')) + "\"";
}
