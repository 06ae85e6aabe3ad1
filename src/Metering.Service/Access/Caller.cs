using System.Security.Claims;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Access;

/// <summary>Who asks: the role and what it is bound to. Queries take it, so that no endpoint can forget the tenant.</summary>
/// <param name="Tenant">A reader sees this tenant only; null: all.</param>
/// <param name="Host">An agent speaks for this host only; null: any.</param>
public sealed record Caller(string Role, string? Tenant, string? Host)
{
    /// <summary>Claim with the credential, see <see cref="PrincipalOf"/>.</summary>
    public const string PrincipalClaim = "principal";

    public static readonly Caller Local = new(Roles.Admin, null, null);

    public static Caller Of(ClaimsPrincipal user) =>
        new(user.FindFirstValue(ClaimTypes.Role) ?? "", user.FindFirstValue("tenant"), user.FindFirstValue("host"));

    public static ValueTask<Caller?> BindAsync(HttpContext context) => ValueTask.FromResult<Caller?>(Of(context.User));

    /// <summary>The credential, unlike the name unique: <c>key:ID</c>, <c>oidc:SUBJECT</c>, <c>link</c>; <c>local</c> for the service itself.</summary>
    public static string PrincipalOf(ClaimsPrincipal user) => user.FindFirstValue(PrincipalClaim) ?? "local";

    public static ClaimsPrincipal Principal(string? role, string? tenant, string? host, string name, string principal, string scheme)
    {
        var claims = new List<Claim> { new(ClaimTypes.Name, name), new(PrincipalClaim, principal) };
        if (role is not null) claims.Add(new Claim(ClaimTypes.Role, role));
        if (tenant is not null) claims.Add(new Claim("tenant", tenant));
        if (host is not null) claims.Add(new Claim("host", host));
        return new ClaimsPrincipal(new ClaimsIdentity(claims, scheme));
    }

    /// <summary>Who holds the key.</summary>
    public static ClaimsPrincipal Principal(ApiKey key, string scheme) => Principal(key.Role, key.Tenant, key.Host, key.Name, key.Id.Length > 0 ? "key:" + key.Id : "link", scheme);
}
