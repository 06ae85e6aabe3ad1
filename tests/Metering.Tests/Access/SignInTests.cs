using System.Net;
using System.Text.RegularExpressions;
using Metering.Service.Access;
using Metering.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Who follows a link to a page and has to sign in first comes to that page, and to no other site.</summary>
public sealed partial class SignInTests(SignInTests.Running running) : IClassFixture<SignInTests.Running>
{
    private RunningService Service => running.Service;

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
        using var browser = Browser();
        var form = await browser.GetStringAsync(new Uri("/sign-in?from=" + Uri.EscapeDataString(from), UriKind.Relative), TestContext.Current.CancellationToken);
        var hidden = HiddenField().Matches(form).ToDictionary(field => field.Groups["name"].Value, field => WebUtility.HtmlDecode(field.Groups["value"].Value));
        Assert.Equal(lands, hidden["from"]);

        // A form that somebody else filled in is held to the same.
        using var answer = await browser.PostAsync(new Uri("/sign-in", UriKind.Relative), new FormUrlEncodedContent([.. hidden.Where(field => field.Key != "from"), new("from", from), new("key", Service.AdminKey)]), TestContext.Current.CancellationToken);
        Assert.Equal((HttpStatusCode.Redirect, lands), (answer.StatusCode, answer.Headers.Location?.OriginalString));
    }

    [Fact]
    public async Task A_one_time_link_is_good_once_for_an_hour_and_in_no_log()
    {
        var clock = new FakeClock(TimeProvider.System.GetUtcNow());
        var ring = new KeyRing(Service.Store, new KeyUse(Service.Store, clock), clock);
        var (first, second, third) = (ring.NewLink(), ring.NewLink(), ring.NewLink());
        Assert.Matches("^[0-9a-f]{32}$", first);
        Assert.True(ring.UseLink(first));
        Assert.False(ring.UseLink(first));
        clock.Advance(TimeSpan.FromHours(1) - TimeSpan.FromTicks(10));
        Assert.True(ring.UseLink(second));
        clock.Advance(TimeSpan.FromTicks(10));
        Assert.False(ring.UseLink(third));

        // Through the door: one session, and the second who comes with it is refused.
        var link = Service.Services.GetRequiredService<KeyRing>().NewLink();
        using var browser = Browser();
        using var entered = await browser.GetAsync(new Uri("/sign-in?token=" + link, UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.Redirect, entered.StatusCode);
        Assert.DoesNotContain(link, entered.Headers.Location!.OriginalString);
        using var again = await browser.GetAsync(new Uri("/sign-in?token=" + link, UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, again.StatusCode);
        Assert.DoesNotContain(running.Log, line => line.Contains(link, StringComparison.Ordinal) || line.Contains(Service.AdminKey, StringComparison.Ordinal));
        Service.Services.GetRequiredService<ILoggerFactory>().CreateLogger("test").LogWarning("The log is read.");
        Assert.Contains("The log is read.", running.Log);
    }

    [Fact]
    public async Task A_session_is_a_cookie_that_scripts_and_other_sites_do_not_get()
    {
        using var browser = Browser();
        using var entered = await browser.GetAsync(new Uri("/sign-in?token=" + Service.Services.GetRequiredService<KeyRing>().NewLink(), UriKind.Relative), Cancel);
        var cookie = entered.Headers.GetValues("Set-Cookie").Single(one => one.StartsWith("metering=", StringComparison.Ordinal));
        foreach (var flag in (string[])["httponly", "samesite=strict", "path=/"]) Assert.Contains(flag, cookie, StringComparison.OrdinalIgnoreCase);

        // The browser does not send it from other sites; a browser that does is refused by where the request comes from.
        foreach (var (name, value, status) in new[]
        {
            ("Sec-Fetch-Site", "cross-site", HttpStatusCode.Forbidden), ("Sec-Fetch-Site", "same-site", HttpStatusCode.Forbidden), ("Origin", "https://evil.example", HttpStatusCode.Forbidden), ("Origin", "null", HttpStatusCode.Forbidden),
            ("Sec-Fetch-Site", "same-origin", HttpStatusCode.OK), ("Origin", Service.Url.TrimEnd('/'), HttpStatusCode.OK),
        })
        {
            using var put = new HttpRequestMessage(HttpMethod.Put, new Uri("/v1/tenants/forged", UriKind.Relative)) { Content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json") };
            put.Headers.TryAddWithoutValidation(name, value);
            using var answer = await browser.SendAsync(put, Cancel);
            Assert.True(status == answer.StatusCode, $"{name}: {value} is answered {(int)answer.StatusCode}.");
        }

        // A form of another site has no token of ours; its key is not even looked at.
        using var form = await browser.PostAsync(new Uri("/sign-in", UriKind.Relative), new FormUrlEncodedContent([new("key", Service.AdminKey)]), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, form.StatusCode);
        using var keyed = new HttpRequestMessage(HttpMethod.Get, new Uri("/v1/tenants", UriKind.Relative));
        keyed.Headers.TryAddWithoutValidation("Sec-Fetch-Site", "cross-site");
        keyed.Headers.TryAddWithoutValidation("Authorization", "Bearer " + Service.AdminKey);
        using var program = await browser.SendAsync(keyed, Cancel);
        Assert.Equal(HttpStatusCode.OK, program.StatusCode);
    }

    [Fact]
    public async Task Behind_https_of_a_proxy_that_is_known_the_cookie_is_for_https_only()
    {
        await using var behind = await RunningService.StartAsync(new Dictionary<string, string?> { ["Access:Proxies"] = "10.9.9.9, 127.0.0.0/8, ::1", ["Access:FailedSignInsPerMinute"] = "1" });
        foreach (var (service, proto, isSecure) in new[] { (behind, "https", true), (behind, "http", false), (Service, "https", false) })
        {
            var cookie = (await service.SendAsync("GET", "sign-in?token=" + service.Services.GetRequiredService<KeyRing>().NewLink(), null, "", ("X-Forwarded-Proto", proto), ("X-Forwarded-For", "203.0.113.7"))).Headers["Set-Cookie"];
            Assert.StartsWith("metering=", cookie, StringComparison.Ordinal);
            Assert.Equal(isSecure, cookie.Contains("; secure", StringComparison.OrdinalIgnoreCase));
            foreach (var flag in (string[])["httponly", "samesite=strict"]) Assert.Contains(flag, cookie, StringComparison.OrdinalIgnoreCase);
        }

        // Who guesses is kept waiting, and not who comes by the same proxy. Of a stranger the header is not believed: he is who he is.
        Assert.Equal(HttpStatusCode.Unauthorized, await GuessAsync("203.0.113.8"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await GuessAsync("203.0.113.8"));
        Assert.Equal(HttpStatusCode.Unauthorized, await GuessAsync("203.0.113.9"));

        async Task<HttpStatusCode> GuessAsync(string from) => (await behind.SendAsync("GET", "v1/meters", null, "guess", ("X-Forwarded-For", from))).Status;
    }

    private HttpClient Browser() => new(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = new Uri(Service.Url) };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public sealed class Running : IAsyncLifetime
    {
        internal RunningService Service { get; private set; } = null!;

        /// <summary>All that the service has logged, at every level.</summary>
        internal System.Collections.Concurrent.ConcurrentQueue<string> Log { get; } = new();

        public async ValueTask InitializeAsync() => Service = await RunningService.StartAsync(log: Log);

        public ValueTask DisposeAsync() => Service.DisposeAsync();
    }

    [GeneratedRegex("<input type=\"hidden\" name=\"(?<name>[^\"]*)\" value=\"(?<value>[^\"]*)\"")]
    private static partial Regex HiddenField();
}
