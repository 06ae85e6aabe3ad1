using Metering.Service.Billing;
using Metering.Service.Rating;

namespace Metering.Tests.Billing;

/// <summary>Documents to look at, with all that can stand in one.</summary>
internal static class InvoiceSamples
{
    /// <summary>Texts that a spreadsheet would run, and that a page would.</summary>
    public static readonly string[] Hostile = ["=HYPERLINK(\"x\")", "+1+1", "-2", "@SUM(A1)", "\tTab", "<script>alert(1)</script>", "a\u0001b", "\" onload=\"x"];

    public static InvoiceDocument Invoice(int lines = 12)
    {
        var all = Enumerable.Range(0, lines).Select(i => Usage($"cpuSeconds in Core-Hours of class=gen{i + 1}", 0, 1_000, 1_000m, 0.05m)).ToList();
        all.Add(Usage("memoryByteSeconds in GiB-Hours by max(usage, reservation)", 0, null, 123_456.789012345m, 0.0042m));
        all.Add(Usage("cpuSeconds in Core-Hours", 1, null, 0.000000001m, 0.0000000001m));
        all.Add(new InvoiceLine("discount", "Discount of 10 % on cpuSeconds in Core-Hours", "standard", 3, 0, 0, 1_000, 1_000m, "Core-Hours", -0.005m, -5m, -5m, null));
        all.Add(new InvoiceLine("commitmentPurchase", "Commitment", null, null, null, null, null, null, null, null, 500m, 500m, null));
        all.Add(new InvoiceLine("commitmentUsed", "Covered by the commitment", null, null, null, null, null, null, null, null, -450m, -450m, null));
        all.Add(new InvoiceLine("commitmentUnused", "Commitment not used", null, null, null, null, null, null, null, null, 0m, 0m, 50m));
        all.Add(new InvoiceLine("minimum", "Up to the minimum", null, null, null, null, null, null, null, null, 12.5m, 12.5m, null));
        all.Add(new InvoiceLine("adjustment", "Rounding to the minor unit of EUR", null, null, null, null, null, null, null, null, 0.0014861483m, 0m, null));
        var net = all.Sum(line => line.Amount);
        var tax = Math.Round(net * 0.19m, 2);
        all.Add(new InvoiceLine("tax", "VAT 19 %", null, null, null, null, null, null, null, null, tax, tax, null) { TaxRate = 19, TaxBase = net });
        all.Add(new InvoiceLine("creditDrawn", "Credit welcome", null, null, null, null, null, null, null, null, -25m, -25m, null));
        return new InvoiceDocument(
            "000017", 17, "invoice", "2026-10", "2026-10", null, new InvoiceTenant("acme", "Acme", "Europe/Berlin"), "EUR",
            new DateTimeOffset(2026, 9, 30, 22, 0, 0, TimeSpan.Zero), new DateTimeOffset(2026, 10, 31, 23, 0, 0, TimeSpan.Zero), "2026-11-01", all, net + tax - 25, new Dictionary<string, decimal> { ["welcome"] = 25 })
        {
            Net = net,
            Tax = tax,
            Seller = new InvoiceSeller { Name = "Example Hosting GmbH", Address = ["Rechenweg 7", "10115 Berlin", "Germany"], TaxId = "DE 123 456 789", Footer = "Bank: Example Bank, IBAN DE00 0000 0000 0000 0000 00, BIC EXAMPLEXXX" },
            BillTo = new BillTo { Name = "Acme Research & Sons Ltd", Address = ["Accounts Payable", "1 Long Street", "London EC1A 1AA", "United Kingdom"], TaxId = "GB 999 9999 73", Reference = "PO 4711 / platform" },
            DueOn = "2026-12-01",
            EstimatedShare = 0.0123m,
        };
    }

    public static InvoiceDocument Worst()
    {
        var lines = Hostile.Select(text => Usage(text, 0, null, 1, 1)).ToList();
        return Invoice(0) with
        {
            Lines = lines, Total = lines.Count, Net = lines.Count, Tax = 0, Drawn = new Dictionary<string, decimal>(), Tenant = new InvoiceTenant(Hostile[0], Hostile[5], "UTC"),
            BillTo = new BillTo { Name = Hostile[5], Address = [Hostile[7], new string('x', 200)], TaxId = Hostile[1], Reference = Hostile[0] },
        };
    }

    private static InvoiceLine Usage(string text, int tier, decimal? to, decimal quantity, decimal price) =>
        new("usage", text, "standard", 3, tier, tier == 0 ? 0 : 1_000, to, quantity, "Core-Hours", price, quantity * price, Math.Round(quantity * price, 2), null);
}
