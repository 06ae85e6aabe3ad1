using Metering.Service.Access;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Radzen;

namespace Metering.Service.Ui;

/// <summary>The web page and the way to sign in to it.</summary>
internal static class UiSetup
{
    // Everything comes from this service; styles carry the sizes that the chart computes. Nobody may frame the page.
    private const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

    public static IServiceCollection AddUi(this IServiceCollection services, ServiceOptions options)
    {
        // Kept with the data, so that a restart signs nobody out.
        services.AddDataProtection().SetApplicationName("Metering").PersistKeysToFileSystem(KeyDirectory(options.DataDirectory));
        services.AddAntiforgery(antiforgery => antiforgery.Cookie.Name = "metering-form");
        services.AddRazorComponents().AddInteractiveServerComponents();
        services.AddRadzenComponents();
        services.AddSingleton<OverviewFeed>();
        services.AddSingleton<AlertsFeed>();
        services.AddSingleton<PageApi>();
        services.AddSingleton<HomeFeed>();
        services.AddSingleton<ExplorerFeed>();
        services.AddSingleton<ClosingDesk>();
        services.Configure<CookieAuthenticationOptions>(CookieAuthenticationDefaults.AuthenticationScheme, cookie => cookie.Events.OnValidatePrincipal = EndWithKeyAsync);
        return services;
    }

    /// <param name="onError">Answers what a route throws, as for every other client.</param>
    public static void MapUi(this WebApplication app, RequestDelegate onError)
    {
        app.Use((context, next) =>
        {
            var isPage = PageMap.IsPage(context.Request.Path);
            if (isPage || context.Request.Path == "/sign-in")
            {
                context.Response.Headers.ContentSecurityPolicy = ContentPolicy;
                context.Response.Headers["Referrer-Policy"] = "no-referrer";
                if (isPage) context.Response.Headers.CacheControl = "no-store";
            }

            return next(context);
        });
        app.Use(AnswerUnknownAsync);
        app.UseAntiforgery();

        // Written beside the executable by build and publish. A host without it, such as a test that serves the API only, has no page either.
        var manifest = Path.Combine(AppContext.BaseDirectory, app.Environment.ApplicationName + ".staticwebassets.endpoints.json");
        if (File.Exists(manifest)) app.MapStaticAssets(manifest);
        app.Services.GetRequiredService<PageApi>().Open(app, onError);
        app.MapSignIn();
        app.MapRazorComponents<App>()
            .AddInteractiveServerRenderMode(server => server.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(Roles.MayRead);
    }

    // Who types an address into a browser can not read a problem document.
    private static async Task AnswerUnknownAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Response is not { StatusCode: StatusCodes.Status404NotFound, HasStarted: false, ContentType: null } || context.GetEndpoint() is not null) return;
        if (!HttpMethods.IsGet(context.Request.Method) || !context.Request.GetTypedHeaders().Accept.Any(kind => kind is { MediaType.Value: "text/html", Quality: null or > 0 })) return;
        context.Response.Headers.ContentSecurityPolicy = ContentPolicy;
        await new RazorComponentResult<NotFoundPage>(new { Scheme = Theme.Of(context) }) { StatusCode = StatusCodes.Status404NotFound }.ExecuteAsync(context);
    }

    private static DirectoryInfo KeyDirectory(string dataDirectory)
    {
        var path = Path.Combine(dataDirectory, "web-keys");
        return Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    // A cookie lives no longer than the key it was made from.
    private static async Task EndWithKeyAsync(CookieValidatePrincipalContext context)
    {
        if (context.Principal?.FindFirst(SignInEndpoints.KeyClaim)?.Value is not { } id) return;
        var keys = context.HttpContext.RequestServices.GetRequiredService<KeyRing>();
        if (!await keys.StandsAsync(id, context.HttpContext.RequestAborted)) context.RejectPrincipal();
    }
}
