using DocumentFormat.OpenXml.Spreadsheet;

namespace Metering.Service.Spreadsheets;

/// <summary>The styles of a workbook: one cell format for each <see cref="CellStyle"/>, in its order.</summary>
internal static class WorkbookStyles
{
    private const uint FirstFormat = 164;
    private static readonly string[] Formats = ["yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "#,##0.##########", "#,##0", "#,##0.00", "#,##0.000", "#,##0.0000", "0.######\" %\""];

    public static Stylesheet Make()
    {
        var cells = Enum.GetValues<CellStyle>().Select(style => style switch
        {
            CellStyle.Header => new CellFormat { FontId = 1, ApplyFont = true },
            CellStyle.Quoted => new CellFormat { QuotePrefix = true, NumberFormatId = 49, ApplyNumberFormat = true },
            CellStyle.Date => Format(0),
            CellStyle.Time => Format(1),
            CellStyle.Number => Format(2),
            CellStyle.Money0 => Format(3),
            CellStyle.Money2 => Format(4),
            CellStyle.Money3 => Format(5),
            CellStyle.Money4 => Format(6),
            CellStyle.Percent => Format(7),
            CellStyle.Wrapped => new CellFormat(new Alignment { WrapText = true, Vertical = VerticalAlignmentValues.Top }) { ApplyAlignment = true },
            _ => new CellFormat(),
        });
        return new Stylesheet(
            new NumberingFormats(Formats.Select((format, i) => new NumberingFormat { NumberFormatId = FirstFormat + (uint)i, FormatCode = format })),
            new Fonts(new Font(new FontSize { Val = 11 }, new FontName { Val = "Calibri" }), new Font(new Bold(), new FontSize { Val = 11 }, new FontName { Val = "Calibri" })),
            new Fills(new Fill(new PatternFill { PatternType = PatternValues.None }), new Fill(new PatternFill { PatternType = PatternValues.Gray125 })),
            new Borders(new Border()),
            new CellStyleFormats(new CellFormat()),
            new CellFormats(cells));
    }

    /// <summary>The style of an amount in a currency whose minor unit has this many digits.</summary>
    public static CellStyle Money(int digits) => digits switch { 0 => CellStyle.Money0, 3 => CellStyle.Money3, 4 => CellStyle.Money4, _ => CellStyle.Money2 };

    private static CellFormat Format(uint format) => new() { NumberFormatId = FirstFormat + format, ApplyNumberFormat = true };
}
