using System.IO.Enumeration;

namespace Metering.Service.Tenants;

/// <summary>One rule of <c>PUT /v1/ownership-rules</c>: whoever matches belongs to the tenant, from one instant to another.</summary>
public sealed record OwnershipRule
{
    public required OwnershipMatch Match { get; init; }

    public required string Tenant { get; init; }

    public string? Project { get; init; }

    public DateTimeOffset? From { get; init; }

    public DateTimeOffset? To { get; init; }

    /// <summary>True when every given condition holds. Texts may hold <c>*</c> and <c>?</c>.</summary>
    internal bool Matches(string host, string kind, string name, string path, IReadOnlyDictionary<string, string> labels)
    {
        if (!Fits(Match.Host, host) || !Fits(Match.Kind, kind) || !Fits(Match.Name, name) || !Fits(Match.Path, path)) return false;
        if (Match.User is not null && !Fits(Match.User, labels.GetValueOrDefault("user")) && !Fits(Match.User, labels.GetValueOrDefault("user.name"))) return false;
        foreach (var (key, value) in Match.Label ?? [])
        {
            if (!Fits(value, labels.GetValueOrDefault(key))) return false;
        }

        return true;
    }

    private static bool Fits(string? pattern, string? value) =>
        pattern is null || (value is not null && FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\"), value, ignoreCase: false));
}
