using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Http;

/// <summary>
/// Gives JSON answers of <c>GET</c> an <c>ETag</c>, the hash of their bytes, and answers 304 to whoever has them already (<c>If-None-Match</c>). Answers that stream, or are longer than
/// <see cref="MaxBytes"/>, go out as they are made and have none.
/// </summary>
internal static class AnswerTags
{
    internal const int MaxBytes = 1 << 20;

    public static async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (!HttpMethods.IsGet(context.Request.Method) || !(context.Request.Path.StartsWithSegments("/v1", StringComparison.Ordinal) || context.Request.Path.StartsWithSegments("/openapi", StringComparison.Ordinal)))
        {
            await next(context);
            return;
        }

        var plain = context.Response.Body;
        var held = new HeldBody(context.Response, plain);
        context.Response.Body = held;
        try
        {
            await next(context);
        }
        catch
        {
            // What answers errors begins anew; what is held is none of it.
            held.Drop();
            context.Response.Body = plain;
            throw;
        }

        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        context.Response.Body = plain;
        if (!held.IsHeld) return;
        if (context.Response.StatusCode == StatusCodes.Status200OK && held.Length > 0)
        {
            // Of a document that can be changed the version comes first, see Versions.
            var version = context.Response.Headers.ETag.ToString().Trim('"');
            var tag = $"\"{version}{(version.Length > 0 ? "-" : "")}{Convert.ToHexStringLower(SHA256.HashData(held.Bytes.Span)[..16])}\"";
            context.Response.Headers.ETag = tag;
            if (!context.Response.Headers.ContainsKey("Cache-Control")) context.Response.Headers.CacheControl = "private, no-cache";
            if (IsKnown(context.Request, tag))
            {
                context.Response.StatusCode = StatusCodes.Status304NotModified;
                context.Response.ContentLength = null;
                context.Response.ContentType = null;
                return;
            }
        }

        await held.SendAsync(context.RequestAborted);
    }

    private static bool IsKnown(HttpRequest request, string tag) => request.Headers.IfNoneMatch.SelectMany(header => (header ?? "").Split(',')).Select(one => one.Trim()).Any(one => one == "*" || one == tag || one == "W/" + tag);
}
