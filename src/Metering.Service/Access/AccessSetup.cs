using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Service.Access;

/// <summary>Wires credentials: keys for programs, a cookie for browsers that signed in, 401 for everyone else on every path.</summary>
internal static class AccessSetup
{
    private const string Either = "Either";

    public static IServiceCollection AddAccess(this IServiceCollection services)
    {
        services.AddSingleton<KeyRing>();
        services.AddAuthentication(Either)
            .AddPolicyScheme(Either, null, options => options.ForwardDefaultSelector = context =>
                context.Request.Headers.Authorization.Count > 0 ? KeyAuthentication.Name : CookieAuthenticationDefaults.AuthenticationScheme)
            .AddScheme<AuthenticationSchemeOptions, KeyAuthentication>(KeyAuthentication.Name, null)
            .AddCookie(options =>
            {
                options.Cookie.Name = "metering";
                options.Cookie.SameSite = SameSiteMode.Strict;
                options.Cookie.HttpOnly = true;
                options.ExpireTimeSpan = TimeSpan.FromDays(7);
                options.SlidingExpiration = true;
                options.LoginPath = "/sign-in";
                options.Events.OnRedirectToLogin = Challenge;
                options.Events.OnRedirectToAccessDenied = context => Problems.Forbidden("This needs another role.").ExecuteAsync(context.HttpContext);
            });
        services.AddAuthorizationBuilder()
            .AddPolicy(Roles.MayShip, policy => policy.RequireRole(Roles.Admin, Roles.Agent))
            .AddPolicy(Roles.MayRead, policy => policy.RequireRole(Roles.Admin, Roles.Finance, Roles.Reader))
            .AddPolicy(Roles.MayManage, policy => policy.RequireRole(Roles.Admin))
            .AddPolicy(Roles.MayEnrol, policy => policy.RequireRole(Roles.Enrol))
            .AddPolicy(Roles.MayScrape, policy => policy.RequireRole(Roles.Admin, Roles.Scrape));
        services.AddHttpContextAccessor();
        services.AddCascadingAuthenticationState();
        return services;
    }

    /// <summary>Nobody learns without a key whether a path exists: 401 comes before 404.</summary>
    public static void UseAccess(this IApplicationBuilder app)
    {
        app.UseAuthentication();
        app.Use(async (context, next) =>
        {
            if (context.User.Identity is { IsAuthenticated: true } || IsOpen(context.Request.Path))
            {
                await next(context);
                return;
            }

            if (WantsPage(context.Request)) context.Response.Redirect("/sign-in?from=" + Uri.EscapeDataString(context.Request.Path + context.Request.QueryString));
            else await RefuseAsync(context);
        });
        app.UseAuthorization();
    }

    private static bool IsOpen(PathString path) => path == "/healthz" || path == "/readyz" || path == "/sign-in" || path == "/sign-in.css" || path == "/favicon.svg";

    private static bool WantsPage(HttpRequest request) => HttpMethods.IsGet(request.Method) && (request.Path == "/" || request.Path == "/alerts") && request.Headers.Authorization.Count == 0 &&
        request.Headers.Accept.ToString().Contains("text/html", StringComparison.Ordinal);

    private static Task Challenge(RedirectContext<CookieAuthenticationOptions> context) => RefuseAsync(context.HttpContext);

    private static Task RefuseAsync(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return Problems.Unauthorized().ExecuteAsync(context);
    }
}
