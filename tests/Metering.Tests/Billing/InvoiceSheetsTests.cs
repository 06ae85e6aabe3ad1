using System.IO.Compression;
using System.Xml.Linq;
using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Packaging;
using DocumentFormat.OpenXml.Validation;
using Metering.Service.Billing;
using Xunit;

namespace Metering.Tests.Billing;

public sealed class InvoiceSheetsTests
{
    private static readonly XNamespace Main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_workbook_keeps_to_the_schema_of_its_parts(bool worst)
    {
        using var stream = new MemoryStream(Render(worst ? InvoiceSamples.Worst() : InvoiceSamples.Invoice()));
        using var document = SpreadsheetDocument.Open(stream, isEditable: false);

        Assert.Empty(new OpenXmlValidator(FileFormatVersions.Office2013).Validate(document, TestContext.Current.CancellationToken).Select(fault => $"{fault.Path?.XPath}: {fault.Description}"));
    }

    [Fact]
    public void No_cell_has_a_formula_and_texts_stay_texts()
    {
        var sheets = Sheets(Render(InvoiceSamples.Worst()));

        Assert.DoesNotContain(sheets.SelectMany(sheet => sheet.Descendants()), element => element.Name.LocalName == "f");
        var texts = sheets.SelectMany(sheet => sheet.Descendants(Main + "c")).Where(cell => (string?)cell.Attribute("t") == "inlineStr").ToDictionary(cell => cell, cell => cell.Value);
        foreach (var hostile in InvoiceSamples.Hostile) Assert.Contains(hostile.Replace('\u0001', '\uFFFD'), texts.Values);
        foreach (var (cell, text) in texts.Where(pair => pair.Value.Length > 0 && pair.Value[0] is '=' or '+' or '-' or '@' or '\t')) Assert.Equal("2", (string?)cell.Attribute("s"));
    }

    [Fact]
    public void Numbers_are_numbers_to_the_last_digit_and_dates_are_dates()
    {
        var sheets = Sheets(Render(InvoiceSamples.Invoice()));
        var numbers = sheets.SelectMany(sheet => sheet.Descendants(Main + "c")).Where(cell => (string?)cell.Attribute("t") == "n").Select(cell => (Value: cell.Value, Style: (string?)cell.Attribute("s"))).ToList();

        Assert.Contains(("123456.789012345", "5"), numbers);
        Assert.Contains(("0.0000000001", "5"), numbers);
        Assert.Contains(("46327", "3"), numbers);
        Assert.DoesNotContain(numbers, number => number.Value.Contains('E', StringComparison.Ordinal));
    }

    [Fact]
    public void Lines_read_as_people_say_it() =>
        Assert.Contains("CPU time, core-hours of class=gen1", Sheets(Render(InvoiceSamples.Invoice())).SelectMany(sheet => sheet.Descendants(Main + "c")).Select(cell => cell.Value));

    private static byte[] Render(InvoiceDocument document) => InvoiceSheets.Render(document, new InvoiceState { Id = document.Id }, "abc");

    private static List<XDocument> Sheets(byte[] workbook)
    {
        using var archive = new ZipArchive(new MemoryStream(workbook));
        return [.. archive.Entries.Where(entry => entry.FullName.StartsWith("xl/worksheets/", StringComparison.Ordinal)).Select(entry =>
        {
            using var part = entry.Open();
            return XDocument.Load(part);
        })];
    }
}
