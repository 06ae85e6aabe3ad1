using Microsoft.AspNetCore.Http;

namespace Metering.Service.Access;

/// <summary>
/// Whether a request by a browser's session comes from a page of ours. The cookie is SameSite=Strict already; this holds where a browser does not keep to it, or a site under the same domain is somebody else's.
/// What a browser says of itself in <c>Sec-Fetch-Site</c> goes before <c>Origin</c>, which a proxy may have made another than <c>Host</c>.
/// </summary>
internal static class SameOrigin
{
    public static bool IsForeign(HttpRequest request)
    {
        if (IsSafe(request.Method) && !request.HttpContext.WebSockets.IsWebSocketRequest) return false;
        if (request.Headers["Sec-Fetch-Site"] is { Count: > 0 } site) return site.ToString() is not ("same-origin" or "none");
        if (request.Headers.Origin is not { Count: > 0 } origin) return false;
        return !Uri.TryCreate(origin.ToString(), UriKind.Absolute, out var from) || !string.Equals(from.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase);
    }

    private static bool IsSafe(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);
}
