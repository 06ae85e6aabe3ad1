using System.Text;

namespace Metering.Service.Alerts;

/// <summary>Texts with names in braces, such as <c>{quota}</c> or <c>{labels.team}</c>; <c>{{</c> and <c>}}</c> are braces. Values are put in as they are: channels escape for themselves.</summary>
internal static class TextTemplate
{
    public const int MaxLength = 2_000;

    private static readonly string[] Names =
        ["status", "state", "severity", "type", "alert", "quota", "endpoint", "meter", "threshold", "limit", "value", "percent", "tenant", "kind", "direction", "thresholdIn", "subject", "summary", "since", "transition", "window.start", "window.end", "predictedAt"];

    /// <summary>What is wrong with a template; empty when nothing is.</summary>
    public static IEnumerable<string> Faults(string template)
    {
        if (template.Length is 0 or > MaxLength) yield return $"has 1 to {MaxLength} characters.";
        foreach (var (text, isName) in Parts(template))
        {
            if (!isName || Names.Contains(text, StringComparer.Ordinal)) continue;
            if (text is null) yield return "has a brace that is not closed; write {{ for a brace.";
            else if (!(text.StartsWith("labels.", StringComparison.Ordinal) || text.StartsWith("subject.", StringComparison.Ordinal)) || text.EndsWith('.'))
                yield return $"names '{{{text}}}', which is none of {string.Join(", ", Names)}, labels.NAME or subject.NAME.";
        }
    }

    public static string Render(string template, Func<string, string> value)
    {
        var text = new StringBuilder();
        foreach (var (part, isName) in Parts(template)) text.Append(isName ? part is null ? "{" : value(part) : part);
        return text.ToString();
    }

    // A name that is null: the brace is not closed.
    private static IEnumerable<(string? Text, bool IsName)> Parts(string template)
    {
        var at = 0;
        while (at < template.Length)
        {
            var brace = template.IndexOfAny(['{', '}'], at);
            if (brace < 0) break;
            yield return (template[at..brace], false);
            if (brace + 1 < template.Length && template[brace + 1] == template[brace])
            {
                yield return (template[brace].ToString(), false);
                at = brace + 2;
                continue;
            }

            var end = template[brace] == '{' ? template.IndexOf('}', brace) : -1;
            if (end < 0)
            {
                yield return (null, true);
                at = brace + 1;
                continue;
            }

            yield return (template[(brace + 1)..end], true);
            at = end + 1;
        }

        if (at < template.Length) yield return (template[at..], false);
    }
}
