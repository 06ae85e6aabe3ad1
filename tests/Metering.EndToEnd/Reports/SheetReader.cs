using System.Globalization;
using System.IO.Compression;
using System.Xml.Linq;
using Xunit;

namespace Metering.EndToEnd.Reports;

/// <summary>Reads the parts of a workbook as they are, so that the writer is not its own judge.</summary>
internal static class SheetReader
{
    private static readonly XNamespace Main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

    /// <summary>Rows by column name: a decimal where the cell is a number, a string where it is text. A formula anywhere fails.</summary>
    public static List<Dictionary<string, object>> Read(byte[] workbook)
    {
        using var zip = new ZipArchive(new MemoryStream(workbook));
        var shared = zip.GetEntry("xl/sharedStrings.xml") is { } strings ? Load(strings).Descendants(Main + "si").Select(item => string.Concat(item.Descendants(Main + "t").Select(text => text.Value))).ToList() : [];
        var sheet = Load(zip.GetEntry("xl/worksheets/sheet1.xml")!);
        Assert.Empty(sheet.Descendants(Main + "f"));
        var rows = sheet.Descendants(Main + "row").Select(row => row.Elements(Main + "c").Select(cell => Value(cell, shared)).ToList()).ToList();
        var header = rows[0];
        return [.. rows.Skip(1).Select(row => row.Select((value, i) => (Name: (string)header[i], Value: value)).Where(cell => cell.Value is not "").ToDictionary(cell => cell.Name, cell => cell.Value, StringComparer.Ordinal))];
    }

    private static object Value(XElement cell, List<string> shared) => cell.Attribute("t")?.Value switch
    {
        "s" => shared[int.Parse(cell.Element(Main + "v")!.Value, CultureInfo.InvariantCulture)],
        "inlineStr" => string.Concat(cell.Descendants(Main + "t").Select(text => text.Value)),
        "str" or "b" or "e" => throw new FormatException($"A cell of type {cell.Attribute("t")!.Value}."),
        _ => cell.Element(Main + "v") is { } value ? decimal.Parse(value.Value, NumberStyles.Float, CultureInfo.InvariantCulture) : "",
    };

    private static XDocument Load(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        return XDocument.Load(stream);
    }
}
