using System.Globalization;
using System.Text;
using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Packaging;
using DocumentFormat.OpenXml.Spreadsheet;

namespace Metering.Service.Spreadsheets;

/// <summary>
/// Writes workbooks (ECMA-376). Numbers are numbers, dates are dates, and texts are texts whatever they begin with: no cell has a formula. The same sheets give the same bytes but for the container's times.
/// </summary>
internal static class Workbook
{
    public const string ContentType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

    // What Excel takes as one cell's text.
    private const int MaxText = 32_767;
    private static readonly DateTime Epoch = new(1899, 12, 30, 0, 0, 0, DateTimeKind.Utc);

    public static byte[] Write(params IReadOnlyList<Sheet> sheets)
    {
        using var stream = new MemoryStream();
        using (var document = SpreadsheetDocument.Create(stream, SpreadsheetDocumentType.Workbook))
        {
            var book = document.AddWorkbookPart();
            book.AddNewPart<WorkbookStylesPart>().Stylesheet = WorkbookStyles.Make();
            var list = new Sheets();
            for (var i = 0; i < sheets.Count; i++)
            {
                var part = book.AddNewPart<WorksheetPart>();
                Write(part, sheets[i]);
                list.Append(new DocumentFormat.OpenXml.Spreadsheet.Sheet { Name = sheets[i].Name, SheetId = (uint)i + 1, Id = book.GetIdOfPart(part) });
            }

            book.Workbook = new DocumentFormat.OpenXml.Spreadsheet.Workbook(list);
        }

        return stream.ToArray();
    }

    private static void Write(WorksheetPart part, Sheet sheet)
    {
        using var writer = OpenXmlWriter.Create(part);
        writer.WriteStartElement(new Worksheet());
        writer.WriteElement(new SheetViews(new SheetView(new Pane { VerticalSplit = 1, TopLeftCell = "A2", ActivePane = PaneValues.BottomLeft, State = PaneStateValues.Frozen }) { WorkbookViewId = 0 }));
        writer.WriteElement(new Columns(sheet.Columns.Select((column, i) => new Column { Min = (uint)i + 1, Max = (uint)i + 1, Width = column.Width, CustomWidth = true })));
        writer.WriteStartElement(new SheetData());
        writer.WriteElement(new Row(sheet.Columns.Select(column => Text(column.Name, CellStyle.Header))));
        foreach (var row in sheet.Rows) writer.WriteElement(new Row(row.Select((value, i) => Cell(value, sheet.Columns[i].Style))));
        writer.WriteEndElement();
        writer.WriteElement(new PageMargins { Left = 0.5, Right = 0.5, Top = 0.6, Bottom = 0.6, Header = 0.3, Footer = 0.3 });
        writer.WriteElement(new PageSetup { PaperSize = 9, Orientation = OrientationValues.Landscape, FitToHeight = 0 });
        writer.WriteEndElement();
    }

    private static Cell Cell(object? value, CellStyle style) => value switch
    {
        null => new Cell { StyleIndex = (uint)style },
        string text => Text(text, text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' ? CellStyle.Quoted : style is CellStyle.Wrapped or CellStyle.Header ? style : CellStyle.Plain),
        DateOnly date => Number(date.DayNumber - DateOnly.FromDateTime(Epoch).DayNumber, CellStyle.Date),
        DateTimeOffset at => Number(Math.Round((decimal)(at.UtcDateTime - Epoch).Ticks / TimeSpan.TicksPerDay, 9), CellStyle.Time),
        IFormattable number => Number(Convert.ToDecimal(number, CultureInfo.InvariantCulture), style),
        _ => Text(value.ToString() ?? "", style),
    };

    private static Cell Number(decimal value, CellStyle style) => new() { CellValue = new CellValue(value.ToString(CultureInfo.InvariantCulture)), DataType = CellValues.Number, StyleIndex = (uint)style };

    private static Cell Text(string text, CellStyle style) => new(new InlineString(new Text(Safe(text)) { Space = SpaceProcessingModeValues.Preserve })) { DataType = CellValues.InlineString, StyleIndex = (uint)style };

    // XML has no place for most control characters, nor for half a character.
    private static string Safe(string text)
    {
        var safe = new StringBuilder(Math.Min(text.Length, MaxText));
        foreach (var rune in text.EnumerateRunes())
        {
            if (safe.Length + rune.Utf16SequenceLength > MaxText) break;
            safe.Append(rune.Value is < 0x20 and not ('\t' or '\n' or '\r') or 0xFFFE or 0xFFFF ? "\uFFFD" : rune.ToString());
        }

        return safe.ToString();
    }
}
