using System.IO.Enumeration;

namespace Metering.Service.Tenants;

/// <summary>One rule of <c>PUT /v1/ownership-rules</c>: whoever matches belongs to the tenant, from one instant to another.</summary>
public sealed record OwnershipRule
{
    public OwnershipMatch Match { get; init => field = value ?? new OwnershipMatch(); } = new();

    public string Tenant { get; init => field = value ?? ""; } = "";

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

    /// <summary>True when whatever the other matches, when it holds, is matched by this one too. May say false where it does not see it.</summary>
    internal bool Covers(OwnershipRule other) =>
        (From ?? DateTimeOffset.MinValue) <= (other.From ?? DateTimeOffset.MinValue) && (To ?? DateTimeOffset.MaxValue) >= (other.To ?? DateTimeOffset.MaxValue)
        && Covers(Match.Host, other.Match.Host) && Covers(Match.Kind, other.Match.Kind) && Covers(Match.Name, other.Match.Name) && Covers(Match.Path, other.Match.Path) && Covers(Match.User, other.Match.User, isAlways: false)
        && (Match.Label ?? []).All(mine => other.Match.Label?.TryGetValue(mine.Key, out var theirs) == true && Covers(mine.Value, theirs));

    // Every workload has a host, a kind, a name and a path; it may have no user.
    private static bool Covers(string? mine, string? theirs, bool isAlways = true)
    {
        if (mine is null || mine == theirs) return true;
        if (theirs is null) return isAlways && mine.Length > 0 && mine.All(c => c == '*');
        if (theirs.IndexOfAny(['*', '?']) < 0) return Fits(mine, theirs);
        return mine.EndsWith('*') && mine.AsSpan(0, mine.Length - 1).IndexOfAny('*', '?') < 0 && theirs.StartsWith(mine[..^1], StringComparison.Ordinal);
    }

    internal static bool Fits(string? pattern, string? value) =>
        pattern is null || (value is not null && FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\"), value, ignoreCase: false));
}
