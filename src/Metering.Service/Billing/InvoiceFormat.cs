using Metering.Service.Reports;
using Metering.Service.Spreadsheets;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Metering.Service.Billing;

/// <summary>What a request wants a document as: by <c>format</c>, else by the first type of <c>Accept</c> that there is, in the order of its weights; else JSON.</summary>
internal static class InvoiceFormat
{
    public const string Json = "json", Csv = "csv", Html = "html", Xlsx = "xlsx";

    private static readonly Dictionary<string, string> Types = new(StringComparer.OrdinalIgnoreCase)
    {
        ["application/json"] = Json, ["text/csv"] = Csv, ["text/html"] = Html, ["application/xhtml+xml"] = Html, [Workbook.ContentType] = Xlsx,
    };

    /// <summary>Null: <c>format</c> is none of ours.</summary>
    public static string? Of(HttpRequest request, string? format)
    {
        if (format is not null) return Types.Values.FirstOrDefault(known => string.Equals(known, format, StringComparison.OrdinalIgnoreCase));
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted)) return Json;
        foreach (var type in accepted.OrderByDescending(one => one.Quality ?? 1))
        {
            if (type.Quality != 0 && type.MediaType.Value is { } name && Types.TryGetValue(name, out var known)) return known;
        }

        return Json;
    }
}
