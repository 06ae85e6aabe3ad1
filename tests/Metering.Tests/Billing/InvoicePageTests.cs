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
            ">CPU time, core-hours", "Discount of 10 % on CPU time, core-hours", "Example Hosting GmbH", "DE 123 456 789", "Acme Research &amp; Sons Ltd", "GB 999 9999 73", "PO 4711", "2026-12-01", ">Usage<", ">Discounts<", ">Commitment and minimum<", "worth 50.00 EUR", "VAT 19 % on", "Credit welcome",
            "1.23 % of the CPU time is an estimate", "residue of all of them is 0.0014861483", "IBAN", "Voided by 000018: &lt;b&gt;wrong&lt;/b&gt;. Replaced by 000019", "the manifest of 2026-10 will have it", "\u22125.00",
        ]) Assert.Contains(text, page);
        Assert.DoesNotContain("-5.00", page);
    }

    [Theory]
    [InlineData("cpuSeconds in Core-Hours", "CPU time, core-hours")]
    [InlineData("cpuSeconds in Core-Hours by max(usage, reservation) of kind=lx*, label:env=prod", "CPU time, core-hours by max(usage, reservation) of kind=lx*, label:env=prod")]
    [InlineData("Discount of 10 % on memoryByteSeconds in GiB-Hours", "Discount of 10 % on Memory, GiB-hours")]
    [InlineData("ioReadBytes in TB", "I/O read bytes, TB")]
    [InlineData("ioWriteOperations in Million-Operations", "I/O write operations, million-operations")]
    [InlineData("hugetlbByteSeconds in MiB-Hours", "Huge pages, MiB-hours")]
    [InlineData("Workload-Hours of class=big", "Workload-Hours of class=big")]
    [InlineData("someName in Core-Hours", "someName in Core-Hours")]
    public void A_line_reads_as_people_say_it(string sku, string text) => Assert.Equal(text, LineText.Of(sku));

    [Fact]
    public void No_meter_is_shown_to_a_customer_by_its_name_in_the_API() => Assert.All(Metering.Meters.MeterCatalogue.All, meter => Assert.DoesNotContain(meter.Name, LineText.Of($"{meter.Name} in Units"), StringComparison.Ordinal));

    [Fact]
    public void Hostile_texts_are_texts_on_the_page()
    {
        var page = InvoicePage.Render(InvoiceSamples.Worst(), new InvoiceState(), "abc", "def");

        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("\" onload", page);
    }
}
