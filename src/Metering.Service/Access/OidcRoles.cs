using System.Security.Claims;
using System.Text.Json;

namespace Metering.Service.Access;

/// <summary>From the claims of a checked token to a role of ours. Who has none of them is known and may do nothing.</summary>
internal static class OidcRoles
{
    // The strongest of several wins.
    private static readonly string[] Order = [Roles.Admin, Roles.Finance, Roles.Reader, Roles.Agent, Roles.Scrape];

    public static ClaimsPrincipal Principal(ClaimsPrincipal token, OidcOptions options, string scheme)
    {
        var subject = token.FindFirst("sub")?.Value ?? "";
        var name = token.FindFirst("preferred_username")?.Value ?? token.FindFirst("email")?.Value ?? token.FindFirst("name")?.Value ?? subject;
        var roles = Values(token, options.RoleClaim).Select(value => options.RoleMap.GetValueOrDefault(value)).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var tenants = Values(token, options.TenantClaim).Distinct(StringComparer.Ordinal).ToList();

        // A claim with several tenants names none: which of them is meant would be a guess. The same of an agent, whose host no token names.
        var tenant = tenants.Count == 1 && tenants[0].Length > 0 ? tenants[0] : null;
        if (tenant is null) roles.Remove(Roles.Reader);
        if (tenants.Count > 1) roles.Remove(Roles.Finance);
        roles.Remove(Roles.Agent);
        var role = Array.Find(Order, roles.Contains);
        return Caller.Principal(role, role is Roles.Finance or Roles.Reader ? tenant : null, null, name, "oidc:" + subject, scheme);
    }

    private static IEnumerable<string> Values(ClaimsPrincipal token, string claim)
    {
        foreach (var one in token.FindAll(claim)) yield return one.Value;
        var cut = claim.IndexOf('.', StringComparison.Ordinal);
        if (cut <= 0) yield break;
        foreach (var outer in token.FindAll(claim[..cut]))
        {
            foreach (var value in Within(outer.Value, claim[(cut + 1)..])) yield return value;
        }
    }

    private static List<string> Within(string json, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var at = document.RootElement;
            foreach (var name in path.Split('.'))
            {
                if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at)) return [];
            }

            if (at.ValueKind == JsonValueKind.String) return [at.GetString()!];
            return at.ValueKind == JsonValueKind.Array ? [.. at.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)] : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}
