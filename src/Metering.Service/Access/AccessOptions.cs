using System.Net;
using Metering.Configuration;

namespace Metering.Service.Access;

/// <summary>Who may sign in by what, and how often one may ask.</summary>
public sealed record AccessOptions
{
    private static readonly string[] KnownAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    /// <summary>Requests of one principal per minute, shipping of usage apart; so many may come at once.</summary>
    public long RequestsPerMinute { get; init; } = 6_000;

    /// <summary>Requests that ship usage, of one principal per minute.</summary>
    public long ShippingPerMinute { get; init; } = 600_000;

    /// <summary>Credentials that are none, from one address (IPv6: one /64 network) per minute.</summary>
    public long FailedSignInsPerMinute { get; init; } = 30;

    /// <summary>Proxies whose word is taken for whom a request comes from, and by which scheme.</summary>
    public IReadOnlyList<IPNetwork> Proxies { get; init; } = [];

    /// <summary>Null: no OpenID Connect.</summary>
    public OidcOptions? Oidc { get; init; }

    /// <summary>Throws <see cref="Safety.UserErrorException"/> naming key and range.</summary>
    public static AccessOptions From(Settings settings) => new()
    {
        RequestsPerMinute = settings.Whole("Access:RequestsPerMinute", 6_000, 1, 100_000_000),
        ShippingPerMinute = settings.Whole("Access:ShippingPerMinute", 600_000, 1, 100_000_000),
        FailedSignInsPerMinute = settings.Whole("Access:FailedSignInsPerMinute", 30, 1, 100_000_000),
        Proxies = ReadProxies(settings.Text("Access:Proxies") ?? ""),
        Oidc = ReadOidc(settings),
    };

    private static OidcOptions? ReadOidc(Settings settings)
    {
        if (settings.Url("Access:Issuer", "https", "http") is not { } issuer)
        {
            foreach (var key in (string[])["Access:Audience", "Access:ClientId", "Access:ClientSecret", "Access:RoleMap"])
            {
                if (settings.Text(key) is not null) throw Safety.UserErrorException.Usage($"{key} is set, but Access:Issuer is not; set the URL of the OpenID Connect issuer too.");
            }

            return null;
        }

        if (issuer.Scheme != "https" && !issuer.IsLoopback) throw Safety.UserErrorException.Usage("Access:Issuer is a http:// URL of another host; give https://, or anyone on the way could sign in as anyone.");
        var audience = settings.Text("Access:Audience") ?? throw Safety.UserErrorException.Usage("Access:Audience is missing; set it to the audience that the issuer puts in tokens for Metering, or tokens for other services would be taken.");
        var algorithms = List(settings.Text("Access:Algorithms") ?? "RS256,PS256,ES256");
        if (algorithms.Count == 0 || algorithms.Except(KnownAlgorithms).Any()) throw Settings.Wrong("Access:Algorithms", settings.Text("Access:Algorithms") ?? "", "a comma list of " + string.Join(", ", KnownAlgorithms));
        return new OidcOptions
        {
            Issuer = settings.Text("Access:Issuer")!,
            Audience = audience,
            Algorithms = algorithms,
            ClientId = settings.Text("Access:ClientId"),
            ClientSecret = settings.Text("Access:ClientSecret"),
            RoleClaim = settings.Text("Access:RoleClaim") ?? "roles",
            TenantClaim = settings.Text("Access:TenantClaim") ?? "tenant",
            RoleMap = Map(settings.Text("Access:RoleMap")),
        };
    }

    private static List<IPNetwork> ReadProxies(string text) => List(text).ConvertAll(one =>
        IPAddress.TryParse(one, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : IPNetwork.TryParse(one, out var network) ? network : throw Settings.Wrong("Access:Proxies", text, "a comma list of addresses and networks, such as 10.0.0.5,192.168.0.0/16"));

    private static IReadOnlyDictionary<string, string> Map(string? text)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in List(text ?? ""))
        {
            var cut = pair.LastIndexOf('=');
            var role = cut < 0 ? "" : pair[(cut + 1)..].Trim();
            if (cut < 1 || !Roles.All.Contains(role) || !map.TryAdd(pair[..cut].Trim(), role))
                throw Settings.Wrong("Access:RoleMap", text!, $"a comma list of CLAIM-VALUE=ROLE, each value once, with roles {string.Join(", ", Roles.All)}");
        }

        return map.Count > 0 ? map : Roles.All.ToDictionary(role => role, StringComparer.Ordinal);
    }

    private static List<string> List(string text) => [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
}
