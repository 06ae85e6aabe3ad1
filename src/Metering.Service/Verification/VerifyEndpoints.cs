using System.Text.Json;
using Metering.Service.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace Metering.Service.Verification;

/// <summary><c>GET /v1/verify</c>: one JSON object per line (<c>application/x-ndjson</c>) while the verification runs; the last line has <c>done</c>.</summary>
internal static class VerifyEndpoints
{
    // It reads the whole ledger: one at a time.
    private static readonly SemaphoreSlim Turn = new(1, 1);

    public static void MapVerify(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/verify", Verify).WithTags("Operations").RequireAuthorization(Roles.MayManage)
            .WithSummary("Recomputes the ledger from the stored batches; one JSON object per line, the last one with 'done'").Produces<VerifyEvent>(200, "application/x-ndjson").ProducesProblem(409);

    private static async Task Verify(HttpContext context, Verifier verifier, IOptions<JsonOptions> json, CancellationToken cancel)
    {
        if (!await Turn.WaitAsync(0, cancel))
        {
            await Problems.Conflict("A verification is running already; wait for its end.").ExecuteAsync(context);
            return;
        }

        try
        {
            context.Response.ContentType = "application/x-ndjson; charset=utf-8";
            context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            await foreach (var one in verifier.RunAsync(cancel))
            {
                await JsonSerializer.SerializeAsync(context.Response.Body, one, json.Value.SerializerOptions, cancel);
                await context.Response.Body.WriteAsync("\n"u8.ToArray(), cancel);
                await context.Response.Body.FlushAsync(cancel);
            }
        }
        finally
        {
            Turn.Release();
        }
    }
}
