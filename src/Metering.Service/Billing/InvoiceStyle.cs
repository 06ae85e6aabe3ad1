namespace Metering.Service.Billing;

/// <summary>How a document looks, on a screen and on A4 paper.</summary>
internal static class InvoiceStyle
{
    private const string Sheet = """
        @page { size: A4; margin: 16mm 16mm 18mm; @bottom-left { content: TITLE; font: 8pt sans-serif; color: #667085; } @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 8pt sans-serif; color: #667085; } }
        * { box-sizing: border-box; }
        html { background: #f2f4f7; }
        body { margin: 8mm auto; width: 210mm; max-width: 100%; min-height: 297mm; padding: 16mm; background: #fff; color: #1a1f2b; font: 9pt/1.4 "Inter", "Helvetica Neue", Arial, "Liberation Sans", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
        header { display: flex; justify-content: space-between; align-items: flex-start; gap: 10mm; padding-bottom: 5mm; border-bottom: 2px solid #1f4e8c; }
        h1 { margin: 0; font-size: 22pt; font-weight: 600; line-height: 1.1; color: #1f4e8c; white-space: nowrap; }
        .seller strong { font-size: 12pt; }
        .parties { display: flex; justify-content: space-between; gap: 10mm; margin: 8mm 0 9mm; }
        .to { max-width: 95mm; } .to strong, .to > small:first-child { display: block; } .to strong { font-size: 11pt; }
        dl { display: grid; grid-template-columns: auto auto; gap: 0.6mm 6mm; margin: 0; align-content: start; } dt { color: #667085; } dd { margin: 0; text-align: right; max-width: 60mm; }
        table { width: 100%; border-collapse: collapse; } thead { display: table-header-group; } tr { break-inside: avoid; }
        thead th { text-align: left; font-weight: 600; color: #fff; background: #1f4e8c; padding: 1.6mm 2mm; white-space: nowrap; }
        td:first-child { width: 45%; } td { padding: 1.1mm 2mm; border-bottom: 1px solid #eaecf0; vertical-align: top; } td:nth-child(3) { color: #475467; white-space: nowrap; }
        .g th { text-align: left; padding: 3mm 2mm 1mm; border-bottom: 1px solid #98a2b3; } .g { break-after: avoid; }
        th.n, td.n, .g th.n { text-align: right; white-space: nowrap; } small { color: #667085; font-size: 7.5pt; line-height: 1.2; }
        .totals { break-inside: avoid; margin: 6mm 0 0 auto; width: 95mm; } .totals td { border: 0; padding: 1mm 2mm; } .totals td:first-child { width: auto; }
        .totals .sum td { border-top: 2px solid #1f4e8c; padding-top: 2mm; font-weight: 700; font-size: 12pt; } .totals p { text-align: right; white-space: nowrap; margin: 2mm; color: #475467; }
        .void { margin: 0 0 5mm; padding: 2mm 4mm; border: 2px solid #b42318; color: #b42318; font-weight: 600; }
        footer { break-inside: avoid; margin-top: 10mm; padding-top: 3mm; border-top: 1px solid #eaecf0; color: #667085; font-size: 7.5pt; } footer ol { margin: 0; padding-left: 4mm; } .pay { color: #1a1f2b; font-size: 9pt; margin: 0 0 3mm; }
        code { font: 7pt "DejaVu Sans Mono", monospace; }
        @media print { html { background: #fff; } body { margin: 0; padding: 0; width: auto; min-height: 0; } thead th, .g th { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
        """;

    /// <param name="title">What stands at the foot of every printed page, as a text of CSS.</param>
    public static string Css(string title) => Sheet.Replace("TITLE", title, StringComparison.Ordinal);
}
