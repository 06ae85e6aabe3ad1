using System.Security.Claims;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Access;

/// <summary>Who asks: the role and what it is bound to. Queries take it, so that no endpoint can forget the tenant.</summary>
/// <param name="Tenant">A reader sees this tenant only; null: all.</param>
/// <param name="Host">An agent speaks for this host only; null: any.</param>
public sealed record Caller(string Role, string? Tenant, string? Host)
{
    public static readonly Caller Local = new(Roles.Admin, null, null);

    public static Caller Of(ClaimsPrincipal user) =>
        new(user.FindFirstValue(ClaimTypes.Role) ?? "", user.FindFirstValue("tenant"), user.FindFirstValue("host"));

    public static ValueTask<Caller?> BindAsync(HttpContext context) => ValueTask.FromResult<Caller?>(Of(context.User));

    public static ClaimsPrincipal Principal(string role, string? tenant, string? host, string name, string scheme)
    {
        var claims = new List<Claim> { new(ClaimTypes.Role, role), new(ClaimTypes.Name, name) };
        if (tenant is not null) claims.Add(new Claim("tenant", tenant));
        if (host is not null) claims.Add(new Claim("host", host));
        return new ClaimsPrincipal(new ClaimsIdentity(claims, scheme));
    }
}
