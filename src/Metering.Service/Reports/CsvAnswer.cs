using System.Globalization;
using CsvHelper;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Reports;

/// <summary>Tables as CSV (RFC 4180), safe to open in a spreadsheet: a text that would be a formula is led by an apostrophe.</summary>
internal sealed class CsvAnswer(IReadOnlyList<string> header, IAsyncEnumerable<IReadOnlyList<object?>> rows, string? nextCursor = null) : IResult
{
    public CsvAnswer(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<object?>> rows, string? nextCursor = null)
        : this(header, rows.ToAsyncEnumerable(), nextCursor)
    {
    }

    /// <summary>True when the request asks for CSV, by <c>format=csv</c> or by <c>Accept</c>.</summary>
    public static bool Wanted(HttpRequest request, string? format) =>
        string.Equals(format, "csv", StringComparison.OrdinalIgnoreCase) || (format is null && request.Headers.Accept.ToString().Contains("text/csv", StringComparison.OrdinalIgnoreCase));

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.ContentType = "text/csv; charset=utf-8; header=present";
        if (nextCursor is not null) httpContext.Response.Headers["X-Next-Cursor"] = nextCursor;
        await WriteAsync(httpContext.Response.Body, header, rows, httpContext.RequestAborted);
    }

    /// <summary>Writes a table as it comes: the header goes out before the first row is there.</summary>
    public static async Task WriteAsync(Stream to, IReadOnlyList<string> header, IAsyncEnumerable<IReadOnlyList<object?>> rows, CancellationToken cancel)
    {
        await using var csv = CsvWriter.Create(to, new CsvWriterOptions(), leaveOpen: true);
        foreach (var name in header) csv.WriteField(name);
        await csv.EndRecordAsync(cancel);
        await csv.FlushAsync(cancel);
        await to.FlushAsync(cancel);
        await foreach (var row in rows.WithCancellation(cancel))
        {
            foreach (var value in row) csv.WriteField(Text(value));
            await csv.EndRecordAsync(cancel);
        }

        await csv.FlushAsync(cancel);
    }

    internal static string Text(object? value) => value switch
    {
        null => "",
        string text => text.Length > 0 && text[0] is ('=' or '+' or '-' or '@' or '\t' or '\r') ? "'" + text : text,
        DateTimeOffset at => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
