using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Metering.Tests.Access;

/// <summary>A small OpenID Connect issuer on loopback: discovery, key set, authorization by code with PKCE, tokens. It signs anybody in as whoever the test says.</summary>
internal sealed class LocalIssuer : IAsyncDisposable
{
    public const string Audience = "metering-api", ClientId = "metering-web", ClientSecret = "local-secret";

    private readonly WebApplication _app;
    private int _keysGiven;
    private readonly Dictionary<string, (string Nonce, string Challenge)> _codes = [];

    private LocalIssuer(WebApplication app) => _app = app;

    public RSA Key { get; } = RSA.Create(2048);

    public string KeyId { get; set; } = "key-1";

    public string Url => _app.Urls.First();

    /// <summary>Claims of whoever signs in by browser.</summary>
    public Dictionary<string, object> Person { get; } = new() { ["sub"] = "person-1", ["roles"] = new[] { "admin" } };

    public int TokensGiven { get; private set; }

    /// <summary>How often somebody asked for the keys.</summary>
    public int KeysGiven => Volatile.Read(ref _keysGiven);

    public static async Task<LocalIssuer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var issuer = new LocalIssuer(app);
        app.MapGet("/.well-known/openid-configuration", () => Results.Json(new Dictionary<string, object>
        {
            ["issuer"] = issuer.Url, ["jwks_uri"] = issuer.Url + "/keys", ["authorization_endpoint"] = issuer.Url + "/authorize", ["token_endpoint"] = issuer.Url + "/token",
            ["response_types_supported"] = new[] { "code" }, ["subject_types_supported"] = new[] { "public" }, ["id_token_signing_alg_values_supported"] = new[] { "RS256" }, ["code_challenge_methods_supported"] = new[] { "S256" },
        }));
        app.MapGet("/keys", () =>
        {
            Interlocked.Increment(ref issuer._keysGiven);
            return Results.Json(new { keys = new[] { issuer.PublicKey() } });
        });
        app.MapGet("/authorize", issuer.Authorize);
        app.MapPost("/token", issuer.TokenAsync);
        await app.StartAsync();
        return issuer;
    }

    /// <summary>A token as the issuer makes it, good for five minutes; claims and header can be replaced.</summary>
    public string Token(Dictionary<string, object?>? claims = null, string algorithm = "RS256", string? keyId = null, RSA? key = null, byte[]? secret = null, string audience = Audience)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var body = new Dictionary<string, object?> { ["iss"] = Url, ["aud"] = audience, ["sub"] = "robot-7", ["iat"] = now, ["nbf"] = now - 5, ["exp"] = now + 300, ["roles"] = new[] { "finance" } };
        foreach (var (name, value) in claims ?? [])
        {
            if (value is null) body.Remove(name);
            else body[name] = value;
        }

        var text = Encode(JsonSerializer.SerializeToUtf8Bytes(new { alg = algorithm, typ = "JWT", kid = keyId ?? KeyId })) + "." + Encode(JsonSerializer.SerializeToUtf8Bytes(body));
        var bytes = Encoding.ASCII.GetBytes(text);
        var signature = algorithm == "none" ? [] : secret is not null ? HMACSHA256.HashData(secret, bytes) : (key ?? Key).SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return text + "." + Encode(signature);
    }

    public static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Key.Dispose();
    }

    private object PublicKey()
    {
        var parameters = Key.ExportParameters(false);
        return new { kty = "RSA", use = "sig", alg = "RS256", kid = KeyId, n = Encode(parameters.Modulus!), e = Encode(parameters.Exponent!) };
    }

    private IResult Authorize(HttpRequest request)
    {
        var query = request.Query;
        if (query["response_type"] != "code" || query["client_id"] != ClientId || query["code_challenge_method"] != "S256") return Results.BadRequest("code with PKCE is needed");
        var code = Guid.CreateVersion7().ToString("N");
        _codes[code] = (query["nonce"].ToString(), query["code_challenge"].ToString());
        return Results.Redirect($"{query["redirect_uri"]}?code={code}&state={Uri.EscapeDataString(query["state"].ToString())}");
    }

    private async Task<IResult> TokenAsync(HttpRequest request)
    {
        var form = await request.ReadFormAsync();
        if (!_codes.Remove(form["code"].ToString(), out var asked) || form["client_secret"] != ClientSecret) return Results.Json(new { error = "invalid_grant" }, statusCode: 400);
        if (Encode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString()))) != asked.Challenge) return Results.Json(new { error = "invalid_grant" }, statusCode: 400);
        TokensGiven++;
        var claims = Person.ToDictionary(pair => pair.Key, pair => (object?)pair.Value);
        claims["nonce"] = asked.Nonce;
        return Results.Json(new { access_token = "opaque", token_type = "Bearer", expires_in = 300, id_token = Token(claims, audience: ClientId) });
    }
}
