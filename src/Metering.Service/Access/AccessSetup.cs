using Metering.Service.Ledger;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Service.Access;

/// <summary>Wires credentials: keys and tokens for programs, a cookie for browsers that signed in, 401 for everyone else on every path.</summary>
internal static class AccessSetup
{
    private const string Either = "Either";

    public static IServiceCollection AddAccess(this IServiceCollection services, AccessOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton<KeyRing>();
        services.AddSingleton<KeyUse>();
        services.AddHostedService(provider => provider.GetRequiredService<KeyUse>());
        services.AddSingleton<RateGate>();
        services.AddSingleton<SignInGuard>();
        services.AddSingleton<AccessGate>();
        var authentication = services.AddAuthentication(Either)
            .AddPolicyScheme(Either, null, either => either.ForwardDefaultSelector = context => SchemeOf(context.Request, options))
            .AddScheme<AuthenticationSchemeOptions, KeyAuthentication>(KeyAuthentication.Name, null)
            .AddCookie(cookie =>
            {
                cookie.Cookie.Name = "metering";
                cookie.Cookie.SameSite = SameSiteMode.Strict;
                cookie.Cookie.HttpOnly = true;
                cookie.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
                cookie.ExpireTimeSpan = TimeSpan.FromDays(7);
                cookie.SlidingExpiration = true;
                cookie.LoginPath = "/sign-in";
                cookie.Events.OnRedirectToLogin = context => AccessGate.RefuseAsync(context.HttpContext);
                cookie.Events.OnRedirectToAccessDenied = context => Problems.Forbidden("This needs another role.").ExecuteAsync(context.HttpContext);
            });
        if (options.Oidc is { } oidc) authentication.AddOidc(oidc);
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

    /// <summary>Before anything looks at address, scheme or host. What others than the proxies say of them is not believed.</summary>
    public static void UseProxies(this IApplicationBuilder app)
    {
        if (app.ApplicationServices.GetRequiredService<AccessOptions>().Proxies is not { Count: > 0 } proxies) return;
        var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost, ForwardLimit = null };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var proxy in proxies) forwarded.KnownIPNetworks.Add(proxy);
        app.UseForwardedHeaders(forwarded);
    }

    /// <summary>Nobody learns without a key whether a path exists: 401 comes before 404. Nobody asks more often than the limits allow.</summary>
    public static void UseAccess(this IApplicationBuilder app)
    {
        var gate = app.ApplicationServices.GetRequiredService<AccessGate>();
        app.Use(gate.BeforeAsync);
        app.UseAuthentication();
        app.Use(gate.AfterAsync);
        app.UseAuthorization();
    }

    /// <summary>From here on what a tenant's request reads without saying for whom is read for that tenant.</summary>
    public static async Task ActAsync(HttpContext context, RequestDelegate next)
    {
        var caller = Caller.Of(context.User);
        if (caller.Tenant is not null) LedgerStore.ActFor(caller);
        await next(context);
    }

    private static string SchemeOf(HttpRequest request, AccessOptions options)
    {
        if (request.Headers.Authorization.Count == 0) return CookieAuthenticationDefaults.AuthenticationScheme;
        return options.Oidc is not null && Credential.Bearer(request) is { } text && Credential.IsToken(text) ? JwtBearerDefaults.AuthenticationScheme : KeyAuthentication.Name;
    }
}
