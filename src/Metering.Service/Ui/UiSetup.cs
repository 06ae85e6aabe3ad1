using Metering.Service.Access;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Service.Ui;

/// <summary>The web page and the way to sign in to it.</summary>
internal static class UiSetup
{
    public static IServiceCollection AddUi(this IServiceCollection services)
    {
        return services;
    }

    public static void MapUi(this WebApplication app)
    {
        app.MapGet("/sign-in", SignIn).AllowAnonymous().ExcludeFromDescription();
    }

    private static async Task<IResult> SignIn(HttpContext context, string? token, KeyRing keys)
    {
        if (token is null || !keys.UseLink(token)) return Problems.Unauthorized();
        await context.SignInAsync(CookieAuthenticationDefaults.AuthenticationScheme, Caller.Principal(Roles.Admin, null, null, "admin", CookieAuthenticationDefaults.AuthenticationScheme));
        return Results.Redirect("/");
    }
}
