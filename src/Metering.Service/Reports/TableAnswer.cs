using Metering.Service.Ledger;
using Metering.Service.Spreadsheets;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Reports;

/// <summary>A report as CSV or as a workbook.</summary>
internal sealed class TableAnswer(ReportTable table, string format) : IResult
{
    /// <summary>csv or xlsx, by <c>format</c> or by <c>Accept</c>; null: JSON.</summary>
    public static string? Wanted(HttpRequest request, string? format)
    {
        if (string.Equals(format, "xlsx", StringComparison.OrdinalIgnoreCase) || (format is null && request.Headers.Accept.ToString().Contains(Workbook.ContentType, StringComparison.OrdinalIgnoreCase))) return "xlsx";
        return CsvAnswer.Wanted(request, format) ? "csv" : null;
    }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        if (table.NextCursor is not null) response.Headers["X-Next-Cursor"] = table.NextCursor;
        if (format == "csv")
        {
            response.ContentType = "text/csv; charset=utf-8; header=present";
            await table.WriteAsync(response.Body, format, httpContext.RequestAborted);
            return;
        }

        // A workbook is a container that is made as a whole: a fault of it is told before anything is sent.
        using var made = new MemoryStream();
        try
        {
            await table.WriteAsync(made, format, httpContext.RequestAborted);
        }
        catch (RuleBrokenException broken)
        {
            await Problems.Rule(broken.Faults).ExecuteAsync(httpContext);
            return;
        }

        response.ContentType = Workbook.ContentType;
        response.ContentLength = made.Length;
        response.Headers.ContentDisposition = $"attachment; filename=\"{table.Name}.xlsx\"";
        made.Position = 0;
        await made.CopyToAsync(response.Body, httpContext.RequestAborted);
    }
}
