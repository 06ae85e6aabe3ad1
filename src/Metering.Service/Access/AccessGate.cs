using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Access;

/// <summary>Stands before every route: who is nobody is answered 401 whatever the path, who asks too often 429.</summary>
internal sealed class AccessGate(RateGate rates, SignInGuard guard, AccessOptions options)
{
    /// <summary>Before the credential is looked at.</summary>
    public Task BeforeAsync(HttpContext context, RequestDelegate next) =>
        Credential.Bearer(context.Request) is { } text && guard.Refuses(context.Connection.RemoteIpAddress, text) is { } wait ? TooManyAsync(context, wait, SignIns) : next(context);

    /// <summary>After it was looked at.</summary>
    public async Task AfterAsync(HttpContext context, RequestDelegate next)
    {
        var bearer = Credential.Bearer(context.Request);
        if (context.User.Identity is { IsAuthenticated: true })
        {
            if (bearer is not null) guard.Succeeded(bearer);
            if (bearer is null && SameOrigin.IsForeign(context.Request)) await Problems.Forbidden("This comes from another site's page; open Metering itself, or use an API key.").ExecuteAsync(context);
            else if (Take(context) is { } wait) await TooManyAsync(context, wait, "This credential asks more often than it may.");
            else await next(context);
            return;
        }

        if (IsOpen(context.Request.Path)) await next(context);
        else if (context.Items.ContainsKey(OidcSetup.Trouble)) await Problems.Unavailable("The issuer of tokens can not be asked now; try again, or use an API key.").ExecuteAsync(context);
        else if (bearer is not null && guard.Failed(context.Connection.RemoteIpAddress) is { } wait) await TooManyAsync(context, wait, SignIns);
        else if (WantsPage(context.Request)) context.Response.Redirect("/sign-in?from=" + Uri.EscapeDataString(context.Request.Path + context.Request.QueryString));
        else await RefuseAsync(context);
    }

    public static Task RefuseAsync(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return Problems.Unauthorized().ExecuteAsync(context);
    }

    /// <summary>429 with <c>Retry-After</c> in whole seconds.</summary>
    public static Task TooManyAsync(HttpContext context, TimeSpan wait, string why)
    {
        var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
        context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return Problems.TooMany($"{why} Try again in {seconds} s.").ExecuteAsync(context);
    }

    internal const string SignIns = "There were too many credentials that are none from this address.";

    private TimeSpan? Take(HttpContext context)
    {
        var path = context.Request.Path;
        var who = Caller.PrincipalOf(context.User);
        return path.StartsWithSegments("/v1/usage-batches", StringComparison.Ordinal) || path.StartsWithSegments("/v1/agents", StringComparison.Ordinal)
            ? rates.Take("ship:" + who, options.ShippingPerMinute) : rates.Take("ask:" + who, options.RequestsPerMinute);
    }

    private static bool IsOpen(PathString path) =>
        path == "/healthz" || path == "/readyz" || path == "/sign-in" || path == "/sign-in.css" || path == "/favicon.svg" || path == OidcSetup.SignInPath || path == OidcSetup.CallbackPath;

    private static bool WantsPage(HttpRequest request) => HttpMethods.IsGet(request.Method) && Ui.PageMap.IsPage(request.Path) && request.Headers.Authorization.Count == 0 &&
        request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal);
}
