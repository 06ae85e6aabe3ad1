using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Metering.Service.Access;

/// <summary>Tokens of an OpenID Connect issuer: as bearer for programs, by authorization code and PKCE for browsers.</summary>
internal static class OidcSetup
{
    public const string Browser = "Oidc", SignInPath = "/sign-in/oidc", CallbackPath = "/sign-in/oidc/callback";

    /// <summary>Set in <see cref="HttpContext.Items"/> when the issuer could not be asked.</summary>
    public const string Trouble = "metering.oidc.trouble";

    // Clocks of issuer and service; a token that ended longer ago is refused.
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Session = TimeSpan.FromHours(8);

    public static AuthenticationBuilder AddOidc(this AuthenticationBuilder authentication, OidcOptions options)
    {
        authentication.AddJwtBearer(bearer =>
        {
            bearer.Authority = options.Issuer;
            bearer.RequireHttpsMetadata = !new Uri(options.Issuer).IsLoopback;
            bearer.MapInboundClaims = false;
            bearer.TokenValidationParameters = Rules(options, options.Audience);
            bearer.Events = new JwtBearerEvents
            {
                OnTokenValidated = context =>
                {
                    context.Principal = OidcRoles.Principal(context.Principal!, options, JwtBearerDefaults.AuthenticationScheme);
                    return Task.CompletedTask;
                },
                OnAuthenticationFailed = async context =>
                {
                    // What is wrong with a token is an answer; that the issuer can not be asked is none.
                    if (!await IsKnownAsync(context.Options, context.HttpContext.RequestAborted)) context.HttpContext.Items[Trouble] = context.Exception;
                    context.Fail("The token is not taken.");
                },
            };
        });
        if (options.ClientId is null) return authentication;
        return authentication.AddOpenIdConnect(Browser, browser =>
        {
            browser.Authority = options.Issuer;
            browser.RequireHttpsMetadata = !new Uri(options.Issuer).IsLoopback;
            browser.ClientId = options.ClientId;
            browser.ClientSecret = options.ClientSecret;
            browser.ResponseType = OpenIdConnectResponseType.Code;
            browser.ResponseMode = OpenIdConnectResponseMode.Query;
            browser.UsePkce = true;
            browser.MapInboundClaims = false;
            browser.GetClaimsFromUserInfoEndpoint = false;
            browser.SaveTokens = false;
            browser.CallbackPath = CallbackPath;
            browser.SignInScheme = CookieAuthenticationDefaults.AuthenticationScheme;
            browser.TokenValidationParameters = Rules(options, options.ClientId);
            browser.Scope.Add("email");

            // The issuer comes back by a navigation from its own site: Strict would leave these behind.
            foreach (var cookie in (CookieBuilder[])[browser.CorrelationCookie, browser.NonceCookie]) (cookie.SameSite, cookie.SecurePolicy) = (SameSiteMode.Lax, CookieSecurePolicy.SameAsRequest);
            browser.Events = new OpenIdConnectEvents { OnTicketReceived = context => EnterAsync(context, options), OnRemoteFailure = RefuseAsync };
        });
    }

    public static void MapOidc(this IEndpointRouteBuilder routes, OidcOptions? options)
    {
        if (options?.ClientId is null) return;
        routes.MapGet(SignInPath, () => Results.Challenge(new AuthenticationProperties { RedirectUri = "/" }, [Browser])).AllowAnonymous().ExcludeFromDescription();
    }

    private static TokenValidationParameters Rules(OidcOptions options, string audience) => new()
    {
        ValidIssuer = options.Issuer,
        ValidAudience = audience,
        ValidAlgorithms = options.Algorithms,
        ValidateIssuer = true,
        ValidateAudience = true,
        ValidateLifetime = true,
        ValidateIssuerSigningKey = true,
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        ClockSkew = Skew,
        NameClaimType = "name",
        RoleClaimType = ClaimTypes.Role,
    };

    // The keys of the issuer are kept for a day, and asked for again not more often than the library allows.
    private static async Task<bool> IsKnownAsync(JwtBearerOptions bearer, CancellationToken cancel)
    {
        try
        {
            return bearer.ConfigurationManager is null || await bearer.ConfigurationManager.GetConfigurationAsync(cancel) is not null;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException)
        {
            return false;
        }
    }

    // Our cookie is SameSite=Strict, so it would not come with a redirect that began at the issuer: the browser is sent on from a page of ours.
    private static async Task EnterAsync(TicketReceivedContext context, OidcOptions options)
    {
        var user = OidcRoles.Principal(context.Principal!, options, CookieAuthenticationDefaults.AuthenticationScheme);
        context.HandleResponse();
        if (Caller.Of(user).Role is not (Roles.Admin or Roles.Finance or Roles.Reader))
        {
            await SayAsync(context.HttpContext, StatusCodes.Status403Forbidden, "You are signed in there, but have no role here.", $"Ask for one in the claim '{options.RoleClaim}'; a reader also needs the claim '{options.TenantClaim}'.");
            return;
        }

        await context.HttpContext.SignInAsync(CookieAuthenticationDefaults.AuthenticationScheme, user, new AuthenticationProperties { ExpiresUtc = context.HttpContext.RequestServices.GetTimeProvider().GetUtcNow() + Session, AllowRefresh = false });
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync("<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url=/\"><title>Metering</title><p>Signed in. <a href=\"/\">Continue</a></p></html>", context.HttpContext.RequestAborted);
    }

    private static Task RefuseAsync(RemoteFailureContext context)
    {
        context.HandleResponse();
        return SayAsync(context.HttpContext, StatusCodes.Status401Unauthorized, "Signing in did not work.", "The answer of the issuer is not taken: it was too late, or it was not asked for from this browser. Please try again.");
    }

    // Nothing of what came from outside is repeated.
    private static Task SayAsync(HttpContext context, int status, string what, string remedy)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        return context.Response.WriteAsync($"<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign in · Metering</title><h1>{what}</h1><p>{System.Net.WebUtility.HtmlEncode(remedy)}</p><p><a href=\"/sign-in\">Sign in</a></p></html>", context.RequestAborted);
    }

    private static TimeProvider GetTimeProvider(this IServiceProvider services) => (TimeProvider)services.GetService(typeof(TimeProvider))!;
}
