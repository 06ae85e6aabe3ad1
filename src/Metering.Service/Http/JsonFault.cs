using System.Text.Json;
using System.Text.RegularExpressions;

namespace Metering.Service.Http;

/// <summary>What is wrong with JSON from outside, in the words of whoever wrote it and not of the serializer: the field, and what it should be.</summary>
internal static partial class JsonFault
{
    /// <summary>One sentence that begins with the field: <c>$.limit is no number.</c></summary>
    public static string Explain(JsonException fault)
    {
        var (at, what) = Of(fault);
        return char.IsUpper(what[0]) ? what : at == "$" ? $"The body {what}" : $"{at} {what}";
    }

    /// <summary>The field as <c>$.prices[0].unit</c>, and what is wrong with it: <c>is not a text.</c>, or a sentence of its own.</summary>
    public static (string At, string What) Of(JsonException fault)
    {
        var cut = fault.Message.IndexOf(" Path: ", StringComparison.Ordinal);
        var message = cut < 0 ? fault.Message : fault.Message[..cut];
        var at = fault.Path is { Length: > 0 } path ? path : "$";
        if (Unknown().Match(message) is { Success: true } unknown) return ("$", $"There is no field '{unknown.Groups["name"].Value}'{Parent(at, unknown.Groups["name"].Value)}; /docs tells which there are.");
        if (Twice().Match(message) is { Success: true } twice) return ("$", $"The field '{twice.Groups["name"].Value}' comes twice.");
        if (Missing().Match(message) is { Success: true } missing) return (at, $"lacks {missing.Groups["names"].Value}.");
        if (!Other().IsMatch(message)) return ("$", $"The body is no JSON at {at}: {message}");
        return (at, $"is not {Kind(Other().Match(message).Groups["type"].Value)}.");
    }

    private static string Kind(string type) => type switch
    {
        _ when type.Contains("List", StringComparison.Ordinal) || type.EndsWith("[]", StringComparison.Ordinal) => "a list of the right kind",
        _ when type.Contains("Dictionary", StringComparison.Ordinal) => "an object of names and values",
        _ when type.Contains("String", StringComparison.Ordinal) => "a text",
        _ when type.Contains("Int", StringComparison.Ordinal) => "a whole number in range",
        _ when type.Contains("Decimal", StringComparison.Ordinal) || type.Contains("Double", StringComparison.Ordinal) => "a number in range",
        _ when type.Contains("Boolean", StringComparison.Ordinal) => "true or false",
        _ when type.Contains("DateTimeOffset", StringComparison.Ordinal) => "an instant such as 2026-10-01T00:00:00Z",
        // The object that the field is of, when the field is of a plain kind.
        _ => "of the right kind",
    };

    private static string Parent(string at, string name)
    {
        var parent = at.EndsWith("." + name, StringComparison.Ordinal) ? at[..^(name.Length + 1)] : at;
        return parent == "$" ? "" : " in " + parent;
    }

    [GeneratedRegex("^The JSON property '(?<name>.*)' could not be mapped to any \\.NET member", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Unknown();

    [GeneratedRegex("^Duplicate property '(?<name>.*)' encountered", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Twice();

    [GeneratedRegex("missing required properties( including)?:? (?<names>.*?)\\.?$", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Missing();

    [GeneratedRegex("could not be converted to (?<type>.*?)\\.?$", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Other();
}
