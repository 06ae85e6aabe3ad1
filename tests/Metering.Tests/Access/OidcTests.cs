using System.Net;
using System.Security.Cryptography;
using System.Text;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>Tokens and sign-in by a real issuer over HTTP, and tokens that somebody forged.</summary>
public sealed class OidcTests : IAsyncLifetime
{
    private LocalIssuer _issuer = null!;
    private RunningService _service = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _issuer = await LocalIssuer.StartAsync();
        _service = await RunningService.StartAsync(new Dictionary<string, string?>
        {
            ["Access:Issuer"] = _issuer.Url, ["Access:Audience"] = LocalIssuer.Audience, ["Access:ClientId"] = LocalIssuer.ClientId, ["Access:ClientSecret"] = LocalIssuer.ClientSecret,
            ["Access:FailedSignInsPerMinute"] = "1000",
        });
        foreach (var tenant in (string[])["acme", "globex"]) await _service.GoodAsync("PUT", "v1/tenants/" + tenant, new { name = tenant });
    }

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await _issuer.DisposeAsync();
    }

    [Fact]
    public async Task Good_tokens_are_taken_by_their_role_and_tenant()
    {
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(_issuer.Token()));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(_issuer.Token(), "v1/api-keys"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(_issuer.Token(new() { ["roles"] = "admin" }), "v1/api-keys"));
        var reader = _issuer.Token(new() { ["roles"] = new[] { "reader", "unknown" }, ["tenant"] = "acme" });
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(reader, "v1/tenants/acme"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(reader, "v1/tenants/globex"));

        // The key that the service was started with goes on working beside it.
        Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync("GET", "v1/tenants")).Status);
    }

    [Fact]
    public async Task A_known_person_without_a_role_may_do_nothing()
    {
        foreach (var claims in new Dictionary<string, object?>[]
        {
            new() { ["roles"] = null }, new() { ["roles"] = "king" }, new() { ["roles"] = "reader" }, new() { ["roles"] = "reader", ["tenant"] = "" }, new() { ["roles"] = "reader", ["tenant"] = new[] { "acme", "globex" } },
            new() { ["roles"] = "finance", ["tenant"] = new[] { "acme", "globex" } }, new() { ["roles"] = "agent" }, new() { ["roles"] = "ADMIN" },
        })
        {
            Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(_issuer.Token(claims)));
        }
    }

    [Fact]
    public async Task Tokens_that_the_issuer_did_not_make_for_us_are_refused()
    {
        using var other = RSA.Create(2048);
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var good = _issuer.Token();
        var parts = good.Split('.');
        var admin = LocalIssuer.Encode(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Decode(parts[1])).Replace("finance", "admin", StringComparison.Ordinal)));
        var bad = new Dictionary<string, string>
        {
            ["forged signature"] = _issuer.Token(key: other),
            ["changed claims"] = $"{parts[0]}.{admin}.{parts[2]}",
            ["no signature"] = $"{parts[0]}.{parts[1]}.",
            ["alg none"] = _issuer.Token(algorithm: "none"),
            ["alg None"] = _issuer.Token(algorithm: "None", secret: [1]),
            ["HS256 by the public key"] = _issuer.Token(algorithm: "HS256", secret: Encoding.ASCII.GetBytes(_issuer.Key.ExportSubjectPublicKeyInfoPem())),
            ["HS256 by the modulus"] = _issuer.Token(algorithm: "HS256", secret: _issuer.Key.ExportParameters(false).Modulus!),
            ["an algorithm that is not pinned"] = _issuer.Token(algorithm: "RS384"),
            ["expired"] = _issuer.Token(new() { ["exp"] = now - 60 }),
            ["not yet good"] = _issuer.Token(new() { ["nbf"] = now + 120 }),
            ["without an end"] = _issuer.Token(new() { ["exp"] = null }),
            ["other audience"] = _issuer.Token(audience: "payroll"),
            ["id token of the browser client"] = _issuer.Token(audience: LocalIssuer.ClientId),
            ["without audience"] = _issuer.Token(new() { ["aud"] = null }),
            ["other issuer"] = _issuer.Token(new() { ["iss"] = "https://login.example.com" }),
            ["without issuer"] = _issuer.Token(new() { ["iss"] = null }),
            ["unknown key"] = _issuer.Token(keyId: "key-9", key: other),
            ["nothing in it"] = "ey..",
            ["noise"] = "eyJhbGciOiJSUzI1NiJ9.!!!!.####",
        };
        foreach (var (what, token) in bad)
        {
            var answer = await _service.SendAsync("GET", "v1/tenants", key: token);
            Assert.True(answer.Status == HttpStatusCode.Unauthorized, $"{what}: {(int)answer.Status} {answer.Text}");
            Assert.Equal("urn:metering:problem:unauthorized", answer.Type);
        }

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(good));
    }

    [Fact]
    public async Task Tokens_with_unknown_keys_do_not_send_the_service_to_the_issuer_each_time()
    {
        using var other = RSA.Create(2048);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(_issuer.Token()));
        for (var i = 0; i < 25; i++) Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(_issuer.Token(keyId: "storm-" + i, key: other)));

        // Once because it was new, once more because a key may have been.
        Assert.InRange(_issuer.KeysGiven, 1, 3);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(_issuer.Token()));
    }

    [Fact]
    public async Task A_browser_signs_in_by_code_and_gets_a_session_that_is_audited_by_its_subject()
    {
        var page = await _service.SendAsync("GET", "sign-in", key: "");
        Assert.Contains("/sign-in/oidc", page.Text);
        var (answer, cookies) = await SignInAsync();

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(1, _issuer.TokensGiven);
        using var put = new HttpRequestMessage(HttpMethod.Put, "v1/tenants/initech") { Content = new StringContent("{}", Encoding.UTF8, "application/json") };
        put.Headers.Add("Cookie", cookies);
        using var done = await _service.Anonymous.SendAsync(put, Cancel);
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        Assert.Equal("oidc:person-1", (await _service.GoodAsync("GET", "v1/audit?limit=1")).Json.GetProperty("entries")[0].GetProperty("principal").GetString());
    }

    [Fact]
    public async Task A_browser_without_a_role_here_gets_no_session()
    {
        _issuer.Person["roles"] = new[] { "cook" };
        var (answer, cookies) = await SignInAsync();
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.DoesNotContain("metering=", cookies);
    }

    [Fact]
    public async Task An_answer_that_was_not_asked_for_from_this_browser_is_refused()
    {
        var answer = await _service.SendAsync("GET", "sign-in/oidc/callback?code=stolen&state=made-up", key: "");
        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        Assert.DoesNotContain("made-up", answer.Text);
        Assert.Equal(0, _issuer.TokensGiven);
    }

    [Fact]
    public async Task An_issuer_that_can_not_be_asked_is_not_the_callers_fault()
    {
        await using var service = await RunningService.StartAsync(new Dictionary<string, string?> { ["Access:Issuer"] = "http://127.0.0.1:9", ["Access:Audience"] = "a" });
        var answer = await service.SendAsync("GET", "v1/tenants", key: _issuer.Token());
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "urn:metering:problem:unavailable"), (answer.Status, answer.Type));
        await service.GoodAsync("GET", "v1/tenants");
    }

    private async Task<(HttpResponseMessage Answer, string Cookies)> SignInAsync()
    {
        using var start = await _service.Anonymous.GetAsync(new Uri("sign-in/oidc", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.Redirect, start.StatusCode);
        Assert.Contains("code_challenge_method=S256", start.Headers.Location!.Query);
        var cookies = Cookies(start);
        using var issued = await _service.Anonymous.GetAsync(start.Headers.Location, Cancel);
        using var back = new HttpRequestMessage(HttpMethod.Get, issued.Headers.Location);
        back.Headers.Add("Cookie", cookies);
        var answer = await _service.Anonymous.SendAsync(back, Cancel);
        return (answer, Cookies(answer));
    }

    private static string Cookies(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("Set-Cookie", out var set) ? string.Join("; ", set.Select(one => one.Split(';')[0]).Where(one => !one.EndsWith('='))) : "";

    private async Task<HttpStatusCode> StatusAsync(string token, string path = "v1/tenants") => (await _service.SendAsync("GET", path, key: token)).Status;

    private static byte[] Decode(string text) => Convert.FromBase64String(text.Replace('-', '+').Replace('_', '/') + new string('=', (4 - text.Length % 4) % 4));
}
