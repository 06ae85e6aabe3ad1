using System.Globalization;
using Metering.Service.Spreadsheets;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>A document as a workbook: what it is on one sheet, its lines on another.</summary>
internal static class InvoiceSheets
{
    public static byte[] Render(InvoiceDocument document, InvoiceState state, string hash)
    {
        var money = WorkbookStyles.Money(Currency.TryDigits(document.Currency, out var digits) ? digits : 2);
        var facts = new List<IReadOnlyList<object?>>
        {
            Fact(document.IsDraft ? "DRAFT, no number" : "Number", document.Id), Fact("Document", InvoicePage.Title(document)), Fact("State", state.State), Fact("Issued", document.IsDraft ? null : Day(document.IssuedOn)), Fact("Due", document.IsDraft ? null : Day(document.DueOn)),
            Fact("For month", document.Origin), Fact("From (UTC)", document.From), Fact("To (UTC), exclusive", document.To), Fact("Corrects", document.Corrects), Fact("Takes back", document.Voids), Fact("In place of", document.Replaces),
            Fact("Voided by", state.VoidedBy), Fact("Reason", state.Reason), Fact("Seller", document.Seller?.Name), Fact("Seller's tax number", document.Seller?.TaxId),
            Fact("Tenant", document.Tenant.Id), Fact("Customer", document.BillTo?.Name ?? document.Tenant.Name), Fact("Customer's tax number", document.BillTo?.TaxId), Fact("Reference", document.BillTo?.Reference),
            Fact("Currency", document.Currency),
        };
        facts.RemoveAll(fact => fact[1] is null && fact[2] is null);
        facts.AddRange([Money("Net", document.Net), Money("Tax", document.Tax), Money(document.IsDraft ? "Total so far" : "To pay", document.Total)]);
        if (document.EstimatedShare is { } share) facts.Add(["Estimated share of CPU time, %", null, null, share * 100]);
        if (!document.IsDraft) facts.Add(Fact("SHA-256 of the JSON", hash));
        return Workbook.Write(
            new Sheet("Document", [new("What", 32), new("Text", 48, CellStyle.Wrapped), new("Date", 20, CellStyle.Date), new("Amount", 18, money)], facts),
            new Sheet("Lines",
                [new("Kind", 20), new("Text", 60, CellStyle.Wrapped), new("Book", 16), new("Version", 9), new("Tier", 6), new("From", 14, CellStyle.Number), new("To", 14, CellStyle.Number), new("Quantity", 20, CellStyle.Number),
                 new("Unit", 18), new("Unit price", 16, CellStyle.Number), new("Exact cost", 22, CellStyle.Number), new("Tax rate", 10, CellStyle.Percent), new("Tax on", 16, money), new("Amount " + document.Currency, 18, money)],
                document.Lines.Select(line => (IReadOnlyList<object?>)[line.Kind, LineText.Of(line.Text), line.Book, line.Version, line.Tier + 1, line.TierFrom, line.TierTo, line.Quantity, line.Unit, line.UnitPrice, line.Cost.ToNearest(), line.TaxRate, line.TaxBase, line.Amount])
                    .Append(["total", "", null, null, null, null, null, null, null, null, null, null, null, document.Total])));
    }

    private static IReadOnlyList<object?> Fact(string name, string? text) => [name, text, null, null];

    private static IReadOnlyList<object?> Fact(string name, object? date) => [name, null, date, null];

    private static IReadOnlyList<object?> Money(string name, decimal amount) => [name, null, null, amount];

    private static object? Day(string? day) => day is null ? null : DateOnly.ParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture);
}
