using Microsoft.AspNetCore.Http;

namespace Metering.Service.Ui;

/// <summary>Light, dark, or what the system says: chosen by a person, kept in a cookie of the browser, and part of the page as it is sent, so that none is drawn in the wrong colours first.</summary>
internal static class Theme
{
    public const string Cookie = "metering-theme";
    public const string Route = "/theme";

    private static readonly TimeSpan Kept = TimeSpan.FromDays(365);

    /// <summary>Value and name of each choice; empty: as the system.</summary>
    public static readonly (string Value, string Name)[] Choices = [("light", "Light"), ("", "System"), ("dark", "Dark")];

    /// <summary><c>light</c> or <c>dark</c>; null: as the system.</summary>
    public static string? Of(HttpContext? context) => context?.Request.Cookies[Cookie] is "light" or "dark" ? context.Request.Cookies[Cookie] : null;

    /// <summary>For the style sheets that have one theme each.</summary>
    public static string Media(string? theme, string sheet) => theme is null ? $"(prefers-color-scheme: {sheet})" : theme == sheet ? "all" : "not all";

    public static void Choose(HttpContext context, string? value)
    {
        // The page's script reads and sets it too; it gives nothing away.
        var options = new CookieOptions { Path = "/", SameSite = SameSiteMode.Strict, MaxAge = Kept, Secure = context.Request.IsHttps };
        if (value is "light" or "dark") context.Response.Cookies.Append(Cookie, value, options);
        else context.Response.Cookies.Delete(Cookie, options);
    }
}
