using System.Net;
using System.Text.RegularExpressions;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Who follows a link to a page and has to sign in first comes to that page, and to no other site.</summary>
public sealed partial class SignInTests
{
    [Theory]
    [InlineData("/explore?by=tenant&from=7d", "/explore?by=tenant&from=7d")]
    [InlineData("/tenants/acme", "/tenants/acme")]
    [InlineData("//evil.example/explore", "/")]
    [InlineData("/\\evil.example", "/")]
    [InlineData("https://evil.example/", "/")]
    [InlineData("/v1/usage", "/")]
    [InlineData("/explore\r\nSet-Cookie: a=b", "/")]
    [InlineData("", "/")]
    public async Task The_page_that_was_asked_for_comes_after_the_sign_in(string from, string lands)
    {
        await using var service = await RunningService.StartAsync();
        using var browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = new Uri(service.Url) };
        var form = await browser.GetStringAsync(new Uri("/sign-in?from=" + Uri.EscapeDataString(from), UriKind.Relative), TestContext.Current.CancellationToken);
        var hidden = HiddenField().Matches(form).ToDictionary(field => field.Groups["name"].Value, field => WebUtility.HtmlDecode(field.Groups["value"].Value));
        Assert.Equal(lands, hidden["from"]);

        // A form that somebody else filled in is held to the same.
        using var answer = await browser.PostAsync(new Uri("/sign-in", UriKind.Relative), new FormUrlEncodedContent([.. hidden.Where(field => field.Key != "from"), new("from", from), new("key", service.AdminKey)]), TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.Redirect, lands), (answer.StatusCode, answer.Headers.Location?.OriginalString));
    }

    [GeneratedRegex("<input type=\"hidden\" name=\"(?<name>[^\"]*)\" value=\"(?<value>[^\"]*)\"")]
    private static partial Regex HiddenField();
}
