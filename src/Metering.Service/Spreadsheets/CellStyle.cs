namespace Metering.Service.Spreadsheets;

/// <summary>How a cell is shown.</summary>
internal enum CellStyle
{
    Plain,
    Header,

    /// <summary>Text that a spreadsheet would take for a formula if it were typed in: shown as it is, and kept as text when edited.</summary>
    Quoted,
    Date,
    Time,

    /// <summary>Up to 10 decimal places.</summary>
    Number,
    Money0,
    Money2,
    Money3,
    Money4,
    Percent,
    Wrapped,
}
