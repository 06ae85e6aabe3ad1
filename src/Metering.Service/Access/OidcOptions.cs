namespace Metering.Service.Access;

/// <summary>An OpenID Connect issuer whose tokens are taken.</summary>
public sealed record OidcOptions
{
    /// <summary>As tokens name it, such as <c>https://login.example.com/realms/ops</c>; discovery is below it.</summary>
    public required string Issuer { get; init; }

    /// <summary>What a bearer token must be made for.</summary>
    public required string Audience { get; init; }

    /// <summary>Signature algorithms that are taken; none of them is symmetric.</summary>
    public required IReadOnlyList<string> Algorithms { get; init; }

    /// <summary>Null: no sign-in by browser.</summary>
    public string? ClientId { get; init; }

    /// <summary>Null: a public client, which PKCE protects.</summary>
    public string? ClientSecret { get; init; }

    /// <summary>The claim whose values are looked up in <see cref="RoleMap"/>; a dot goes into an object, as in <c>realm_access.roles</c>.</summary>
    public string RoleClaim { get; init; } = "roles";

    /// <summary>The claim with the tenant that a reader sees.</summary>
    public string TenantClaim { get; init; } = "tenant";

    /// <summary>Role by value of the role claim.</summary>
    public required IReadOnlyDictionary<string, string> RoleMap { get; init; }
}
