using System.ComponentModel;
using System.Globalization;
using System.IO.Compression;
using System.IO.Pipelines;
using Metering.Service.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Focus;

/// <summary><c>GET /v1/exports/focus</c>: a stream; when it fails midway the connection is cut, so that what came is not taken for the whole.</summary>
internal static class FocusEndpoints
{
    /// <summary>About how many rows will come, for whoever shows progress.</summary>
    public const string ExpectedHeader = "Metering-Rows-Expected";

    public static void MapFocus(this IEndpointRouteBuilder routes) => routes.MapGet("/v1/exports/focus", Export).WithTags("Billing").RequireAuthorization(Roles.MayRead)
        .WithSummary("A month in the FinOps Open Cost and Usage Specification (FOCUS) 1.4 or 1.2, as CSV; its metadata; or the report of checking it").Produces<string>(200, "text/csv", "application/json", "application/gzip").ProducesProblem(400);

    private static async Task Export(
        HttpContext context, Caller caller, FocusExport export,
        [Description("Month, such as 2026-10")] string? period, [Description("1.4 (default) or 1.2")] string? version,
        [Description("cost-and-usage (default), billing-period, invoice-detail, metadata, conformance")] string? dataset, [Description("hour (default) or day")] string? grain,
        [Description("Comma list of columns; default all")] string? columns, [Description("true: the file itself is compressed")] bool? gzip,
        [Description("For metadata and conformance: the dataset whose columns are chosen; default cost-and-usage")] string? of, CancellationToken cancel)
    {
        var faults = new List<string>();
        var isTable = dataset is not ("metadata" or "conformance");
        if (FocusRequest.From(period, version, isTable ? dataset : of, grain, columns, caller.Tenant, faults) is not { } request)
        {
            await Problems.Invalid(string.Join(" ", faults)).ExecuteAsync(context);
            return;
        }

        if (isTable) await TableAsync(context, export, request, gzip ?? false, cancel);
        else if (dataset == "metadata") await TypedResults.Text(await export.MetadataAsync(request, cancel), "application/json").ExecuteAsync(context);
        else await TypedResults.Text((await export.CheckAsync(request, !string.IsNullOrEmpty(columns), cancel)).Json(), "application/json").ExecuteAsync(context);
    }

    private static async Task TableAsync(HttpContext context, FocusExport export, FocusRequest request, bool isFile, CancellationToken cancel)
    {
        var response = context.Response;
        var isEncoded = !isFile && context.Request.GetTypedHeaders().AcceptEncoding.Any(encoding => encoding.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase) && encoding.Quality is null or > 0);
        if (request.Dataset == FocusDataset.CostAndUsage && await export.ExpectAsync(request, cancel) is { } expected) response.Headers[ExpectedHeader] = expected.ToString(CultureInfo.InvariantCulture);
        response.ContentType = isFile ? "application/gzip" : "text/csv; charset=utf-8; header=present";
        response.Headers.ContentDisposition = $"attachment; filename=\"focus-{request.Period}-{request.Dataset.Name}.csv{(isFile ? ".gz" : "")}\"";
        response.Headers.Vary = "Accept-Encoding";
        if (!isFile && !isEncoded)
        {
            await export.WriteAsync(request, response.BodyWriter, cancel);
            return;
        }

        if (isEncoded) response.Headers.ContentEncoding = "gzip";
        await using var compressed = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
        var pipe = PipeWriter.Create(compressed, new StreamPipeWriterOptions(leaveOpen: true));
        await export.WriteAsync(request, pipe, cancel);
        await pipe.CompleteAsync();
    }
}
