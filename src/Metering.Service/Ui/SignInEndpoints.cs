using Metering.Service.Access;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Service.Ui;

/// <summary><c>/sign-in</c> turns a one-time link or an API key into a cookie of the same role and tenant; <c>/sign-out</c> ends it; <c>/theme</c> chooses the colours.</summary>
internal static class SignInEndpoints
{
    /// <summary>Claim with the id of the key that was signed in with; absent after a one-time link.</summary>
    public const string KeyClaim = "key";

    // Longer than any key of ours or any sensible preset.
    private const int MaxKeyLength = 1000;

    public static void MapSignIn(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/sign-in", Show).AllowAnonymous().ExcludeFromDescription();

        // The token is checked by hand, so that a stale form is answered with the page and not with an empty 400.
        routes.MapPost("/sign-in", Enter).AllowAnonymous().DisableAntiforgery().ExcludeFromDescription();

        // SameSite=Strict keeps the cookie from posts of other sites, and ending a session gives nothing away.
        routes.MapPost("/sign-out", Leave).DisableAntiforgery().ExcludeFromDescription();

        // For browsers without a script; a choice of colours needs no token.
        routes.MapPost(Theme.Route, ChooseThemeAsync).DisableAntiforgery().ExcludeFromDescription();
    }

    private static async Task<IResult> Show(HttpContext context, string? token, KeyRing keys, SignInGuard guard, IAntiforgery antiforgery)
    {
        if (token is null) return Page(context, antiforgery, StatusCodes.Status200OK, null);
        if (guard.Refuses(context.Connection.RemoteIpAddress, token) is { } wait) return Wait(context, antiforgery, wait);
        if (!keys.UseLink(token))
        {
            return guard.Failed(context.Connection.RemoteIpAddress) is { } longer ? Wait(context, antiforgery, longer)
                : Page(context, antiforgery, StatusCodes.Status401Unauthorized, "This link was used before or is too old. Sign in with a key.");
        }

        await EnterAsync(context, new ApiKey { Role = Roles.Admin, Name = "admin" });
        return Results.Redirect(Wanted(context.Request.Query["from"]));
    }

    private static async Task<IResult> Enter(HttpContext context, KeyRing keys, SignInGuard guard, IAntiforgery antiforgery)
    {
        if (!context.Request.HasFormContentType) return Page(context, antiforgery, StatusCodes.Status400BadRequest, "Send the form.");
        if (!await antiforgery.IsRequestValidAsync(context)) return Page(context, antiforgery, StatusCodes.Status400BadRequest, "The form was too old. Please try again.");
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var text = form["key"].ToString().Trim();
        if (guard.Refuses(context.Connection.RemoteIpAddress, text) is { } wait) return Wait(context, antiforgery, wait);
        var key = text.Length is > 0 and <= MaxKeyLength ? await keys.FindGivenAsync(text, context.RequestAborted) : null;
        if (key is null)
        {
            return guard.Failed(context.Connection.RemoteIpAddress) is { } longer ? Wait(context, antiforgery, longer)
                : Page(context, antiforgery, StatusCodes.Status401Unauthorized, "This key is unknown, expired or revoked.");
        }

        guard.Succeeded(text);
        if (key.Role is not (Roles.Admin or Roles.Finance or Roles.Reader))
            return Page(context, antiforgery, StatusCodes.Status401Unauthorized, $"A key of role '{key.Role}' is for programs; sign in with one of admin, finance or reader.");
        await EnterAsync(context, key);
        return Results.Redirect(Wanted(form["from"]));
    }

    private static async Task<IResult> Leave(HttpContext context, CancellationToken _)
    {
        await context.SignOutAsync(CookieAuthenticationDefaults.AuthenticationScheme);
        return Results.Redirect("/sign-in");
    }

    private static async Task<IResult> ChooseThemeAsync(HttpContext context, CancellationToken cancel)
    {
        if (!context.Request.HasFormContentType) return Results.Redirect("/");
        var form = await context.Request.ReadFormAsync(cancel);
        Theme.Choose(context, form["theme"]);
        return Results.Redirect(Wanted(form["from"]));
    }

    // The page that was asked for. Only one of ours: a link must not lead elsewhere after the sign-in.
    private static string Wanted(string? from) =>
        from is ['/', not ('/' or '\\'), ..] && Uri.TryCreate(from, UriKind.Relative, out _) && PageMap.IsPage(new PathString(from.Split('?', '#')[0])) && !from.Any(char.IsControl) ? from : "/";

    private static Task EnterAsync(HttpContext context, ApiKey key)
    {
        const string scheme = CookieAuthenticationDefaults.AuthenticationScheme;
        var user = Caller.Principal(key, scheme);
        if (key.Id.Length > 0) user.Identities.First().AddClaim(new(KeyClaim, key.Id));
        return context.SignInAsync(scheme, user);
    }

    private static RazorComponentResult<SignInPage> Wait(HttpContext context, IAntiforgery antiforgery, TimeSpan wait)
    {
        var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
        context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return Page(context, antiforgery, StatusCodes.Status429TooManyRequests, $"There were too many attempts from this address. Try again in {seconds} s.");
    }

    private static RazorComponentResult<SignInPage> Page(HttpContext context, IAntiforgery antiforgery, int status, string? message)
    {
        var tokens = antiforgery.GetAndStoreTokens(context);
        return new RazorComponentResult<SignInPage>(new { Scheme = Theme.Of(context), From = Wanted(context.Request.HasFormContentType ? context.Request.Form["from"] : context.Request.Query["from"]), Message = message, Field = tokens.FormFieldName, Token = tokens.RequestToken, HasIssuer = context.RequestServices.GetRequiredService<AccessOptions>().Oidc?.ClientId is not null }) { StatusCode = status };
    }
}
