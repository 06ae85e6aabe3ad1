using Metering.Service.Billing;
using Xunit;

namespace Metering.Tests.Billing;

public sealed class InvoicePageTests
{
    [Fact]
    public void A_page_shows_what_the_document_says_and_runs_nothing_of_it()
    {
        var line = new InvoiceLine("usage", "cpuSeconds <script>alert(1)</script>", "b", 1, 1, 10, null, 1234.5m, "Core-Hours", 0.05m, 61.725m, 61.72m, null);
        var document = new InvoiceDocument(
            "000017", 17, "debitNote", "2026-11", "2026-10", "000003", new InvoiceTenant("t", "Team & \"Sons\"", "Europe/Berlin"), "JPY",
            new DateTimeOffset(2026, 9, 30, 22, 0, 0, TimeSpan.Zero), new DateTimeOffset(2026, 10, 31, 23, 0, 0, TimeSpan.Zero), "2026-12-01", [line], 62m, new Dictionary<string, decimal>());

        var page = InvoicePage.Render(document, new InvoiceState { Id = "000017" }, "abc", "def");

        Assert.DoesNotContain("<script", page);
        Assert.Contains("Team &amp; &quot;Sons&quot;", page);
        foreach (var text in (string[])["Debit note", "000017", "Corrects invoice</dt><dd>000003", "2026-10-01", "2026-10-31", "1,234.5", "Core-Hours", "from 10", "JPY 62<", ">abc<", ">def<"]) Assert.Contains(text, page);
        Assert.DoesNotContain("http", page);
    }

    [Fact]
    public void A_page_has_seller_customer_groups_tax_total_and_footnotes()
    {
        var document = InvoiceSamples.Invoice();

        var page = InvoicePage.Render(document, new InvoiceState { Id = document.Id, State = "voided", VoidedBy = "000018", Reason = "<b>wrong</b>", ReplacedBy = "000019" }, "abc", null);

        foreach (var text in (string[])
        [
            "Example Hosting GmbH", "DE 123 456 789", "Acme Research &amp; Sons Ltd", "GB 999 9999 73", "PO 4711", "2026-12-01", ">Usage<", ">Discounts<", ">Commitment and minimum<", "worth 50.00 EUR", "VAT 19 % on", "Credit welcome",
            "1.23 % of the CPU time is an estimate", "residue of all of them is 0.0014861483", "IBAN", "Voided by 000018: &lt;b&gt;wrong&lt;/b&gt;. Replaced by 000019", "the manifest of 2026-10 will have it", "\u22125.00",
        ]) Assert.Contains(text, page);
        Assert.DoesNotContain("-5.00", page);
    }

    [Fact]
    public void Hostile_texts_are_texts_on_the_page()
    {
        var page = InvoicePage.Render(InvoiceSamples.Worst(), new InvoiceState(), "abc", "def");

        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("\" onload", page);
        if (Environment.GetEnvironmentVariable("METERING_SAMPLES") is not { Length: > 0 } directory) return;
        foreach (var (name, document) in (IEnumerable<(string, InvoiceDocument)>)[("invoice", InvoiceSamples.Invoice(3)), ("long", InvoiceSamples.Invoice(60)), ("worst", InvoiceSamples.Worst())])
        {
            File.WriteAllText(Path.Combine(directory, name + ".html"), InvoicePage.Render(document, new InvoiceState { Id = document.Id }, new string('a', 64), new string('b', 64)));
            File.WriteAllBytes(Path.Combine(directory, name + ".xlsx"), InvoiceSheets.Render(document, new InvoiceState { Id = document.Id }, new string('a', 64)));
        }
    }
}
