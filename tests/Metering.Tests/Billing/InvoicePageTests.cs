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

        var page = InvoicePage.Render(document, "abc");

        Assert.DoesNotContain("<script", page);
        Assert.Contains("Team &amp; &quot;Sons&quot;", page);
        foreach (var text in (string[])["Debit note", "000017", "Invoice 000003", "2026-10-01 00:00 to 2026-11-01 00:00", "1,234.5", "Core-Hours", "from 10", ">62<", "SHA-256 abc"]) Assert.Contains(text, page);
        Assert.DoesNotContain("http", page);
    }
}
