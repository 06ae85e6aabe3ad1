using System.IO.Enumeration;

namespace Metering.Service.Rating;

/// <summary>Which workloads a price is for; conditions left out match all. Texts may hold <c>*</c> (any run) and <c>?</c> (one character).</summary>
public sealed record PriceSelector
{
    /// <summary>The host's label <c>class</c>.</summary>
    public string? HostClass { get; init; }

    /// <summary>The host's label <c>region</c>.</summary>
    public string? Region { get; init; }

    public string? Host { get; init; }

    public string? Kind { get; init; }

    /// <summary>Labels of the workload.</summary>
    public Dictionary<string, string>? Label { get; init; }

    /// <summary>Labels of the host.</summary>
    public Dictionary<string, string>? HostLabel { get; init; }

    internal bool IsEmpty => HostClass is null && Region is null && Host is null && Kind is null && Label is not { Count: > 0 } && HostLabel is not { Count: > 0 };

    /// <summary>True when it asks for what may change while a workload lives, or is learnt late.</summary>
    internal bool AsksLabels => HostClass is not null || Region is not null || Label is { Count: > 0 } || HostLabel is { Count: > 0 };

    internal bool Matches(WorkloadTraits workload) => Conditions().All(condition => Fits(condition.Pattern, workload.Find(condition.Name)));

    /// <summary>Every condition as name and pattern, in order: the selector's canonical form.</summary>
    internal IEnumerable<(string Name, string Pattern)> Conditions()
    {
        var all = new List<(string Name, string Pattern)>();
        Add("host", Host);
        Add("kind", Kind);
        Add("hostLabel:class", HostClass);
        Add("hostLabel:region", Region);
        foreach (var (name, pattern) in Label ?? []) Add("label:" + name, pattern ?? "");
        foreach (var (name, pattern) in HostLabel ?? []) Add("hostLabel:" + name, pattern ?? "");
        all.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return all;

        void Add(string name, string? pattern)
        {
            if (pattern is not null) all.Add((name, pattern));
        }
    }

    /// <summary>True when whatever the other matches is matched by this one too. May say false where it does not see it.</summary>
    internal bool Covers(PriceSelector? other)
    {
        var theirs = (other?.Conditions() ?? []).ToLookup(condition => condition.Name, condition => condition.Pattern);
        return Conditions().All(mine => theirs[mine.Name].Any(pattern => pattern == mine.Pattern || (mine.Pattern.All(c => c is '*') && mine.Pattern.Length > 0) || (!pattern.Contains('*') && !pattern.Contains('?') && Fits(mine.Pattern, pattern))));
    }

    public override string ToString() => string.Join(", ", Conditions().Select(condition => $"{condition.Name}={condition.Pattern}"));

    private static bool Fits(string pattern, string? value) => value is not null && FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\"), value, ignoreCase: false);
}
