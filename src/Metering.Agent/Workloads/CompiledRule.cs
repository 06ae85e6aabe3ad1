using System.Text.RegularExpressions;
using Metering.Safety;

namespace Metering.Agent.Workloads;

/// <summary>
/// A rule ready to run. Names are chosen by tenants, so no expression may take long on any of them. An operator's runs in the linear engine.
/// That engine keeps about 0.7 MiB per expression (47 MiB for the built-in rules, against 0.2 MiB in the interpreter), so the built-in ones,
/// none of which can split a text in many ways, run in the interpreter; a test holds both engines to the same answers.
/// </summary>
internal sealed class CompiledRule
{
    private static readonly string[] Reserved = ["0", "id", "name", "pod", "container", "user", "unit"];

    private readonly Regex _regex;
    private readonly Template? _id;
    private readonly Template? _displayName;
    private readonly string[] _labelGroups;

    /// <summary>Throws <see cref="UserErrorException"/>, naming the rule, if its expression or a template is wrong.</summary>
    /// <param name="linear">True for an expression that we did not write.</param>
    public CompiledRule(WorkloadRule rule, bool linear)
    {
        Rule = rule;
        _regex = Compile(rule, linear);
        var groups = _regex.GetGroupNames();
        _labelGroups = [.. groups.Except(Reserved)];
        _id = rule.Id is { } id ? new Template(id, rule.Name, groups) : groups.Contains("id") ? new Template("{id}", rule.Name, groups) : null;
        _displayName = rule.DisplayName is { } name ? new Template(name, rule.Name, groups) : null;
    }

    public WorkloadRule Rule { get; }

    /// <summary>Where the rule first matches and its innermost match; null where it does not match.</summary>
    /// <param name="subject">The path with a slash at its end, so that every component stands between two.</param>
    public RuleMatch? Find(string subject)
    {
        var match = _regex.Match(subject);
        if (!match.Success) return null;
        var first = match;

        // The slash that ends one match begins the next; a match is never shorter than two slashes, so this moves on.
        for (var next = match; next.Success; next = _regex.Match(subject, End(next)))
        {
            match = next;
            if (End(next) <= next.Index) break;
        }

        return new RuleMatch(this, match, first, match.Index, End(match));
    }

    private static int End(Match match) => match.Index + match.Length - 1;

    /// <summary>What the outermost place of the match says, about the path up to its end.</summary>
    public Workload DescribeOutermost(string path, RuleMatch found)
    {
        var end = End(found.Outermost);
        return Describe(path[..end], found with { Match = found.Outermost, Start = found.First, End = end });
    }

    /// <summary>What the match says about the path up to the end of the match.</summary>
    public Workload Describe(string path, RuleMatch found)
    {
        var match = found.Match;
        var id = Id(path, found);
        return new Workload
        {
            Kind = Rule.Kind,
            Id = CgroupText.Printable(id),
            Name = CgroupText.Printable(DisplayName(path, found)),
            Path = CgroupText.Printable(path),
            Pod = Pod(match),
            Container = Text(match, "container"),
            User = Text(match, "user"),
            Overhead = Rule.Overhead,
            Whole = Rule.Whole,
            Labels = Labels(match),
        };
    }

    /// <summary>The pod of a match.</summary>
    public static string? Pod(Match match) => Text(match, "pod");

    private string Id(string path, RuleMatch found)
    {
        if (_id is not null) return _id.Fill(group => Text(found.Match, group));
        var unit = found.Match.Groups["unit"];
        return path[..(unit.Success ? unit.Index + unit.Length : found.End)];
    }

    private string DisplayName(string path, RuleMatch found)
    {
        if (_displayName is not null) return _displayName.Fill(group => Text(found.Match, group));
        foreach (var group in (ReadOnlySpan<string>)["name", "unit", "container", "id", "pod"])
        {
            if (Text(found.Match, group) is { } text) return Shorten(text);
        }

        if (_id is not null) return Id(path, found);
        return CgroupText.Unescape(path[(path.LastIndexOf('/', found.End - 1) + 1)..found.End]);
    }

    private IReadOnlyDictionary<string, string> Labels(Match match)
    {
        if (_labelGroups.Length == 0) return Rule.Labels;
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in Rule.Labels) labels[name] = value;
        foreach (var group in _labelGroups)
        {
            if (Text(match, group) is { } value) labels[group] = value;
        }

        return labels;
    }

    private static string? Text(Match match, string group)
    {
        if (match.Groups[group] is not { Length: > 0 } found) return null;
        var text = CgroupText.Printable(CgroupText.Unescape(found.Value));

        // A dash in a slice's name means its parent, so kubelet writes the uid with underscores where the API has dashes.
        return group == "pod" ? text.Replace('_', '-') : text;
    }

    // Twelve digits are what docker, podman and crictl show and accept.
    private static string Shorten(string id) => id.Length == 64 && id.All(char.IsAsciiHexDigit) ? id[..12] : id;

    private static Regex Compile(WorkloadRule rule, bool linear)
    {
        var options = RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | (linear ? RegexOptions.NonBacktracking : RegexOptions.None);
        try
        {
            return new Regex($"{(rule.FromRoot ? "^" : "")}/(?:{rule.Match})/", options);
        }
        catch (ArgumentException error)
        {
            throw new UserErrorException($"Workload rule '{rule.Name}': its match is no regular expression: {error.Message}", exitCode: 2, error);
        }
        catch (NotSupportedException error)
        {
            throw new UserErrorException(
                $"Workload rule '{rule.Name}': its match uses look-around, a back-reference or too large a repetition, which linear time does not allow; write it without.",
                exitCode: 2,
                error);
        }
    }
}
