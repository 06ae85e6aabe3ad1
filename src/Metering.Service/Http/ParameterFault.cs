using System.Text.RegularExpressions;

namespace Metering.Service.Http;

/// <summary>What is wrong with a parameter that can not be read, in words.</summary>
internal static partial class ParameterFault
{
    /// <param name="message">As the framework says it; told as it is when it is about something else.</param>
    public static string Explain(string message)
    {
        if (Unbound().Match(message) is not { Success: true } unbound) return message;
        var (type, name, value) = (unbound.Groups["type"].Value, unbound.Groups["name"].Value, unbound.Groups["value"].Value);
        return $"'{char.ToLowerInvariant(name[0])}{name[1..]}' is '{value}', which is not {Kind(type)}.";
    }

    private static string Kind(string type) => type switch
    {
        _ when type.Contains("int", StringComparison.OrdinalIgnoreCase) || type.Contains("long", StringComparison.OrdinalIgnoreCase) => "a whole number in range",
        _ when type.Contains("bool", StringComparison.OrdinalIgnoreCase) => "true or false",
        _ when type.Contains("DateTimeOffset", StringComparison.Ordinal) => "an instant such as 2026-10-01T00:00:00Z",
        _ when type.Contains("decimal", StringComparison.OrdinalIgnoreCase) || type.Contains("double", StringComparison.OrdinalIgnoreCase) => "a number in range",
        _ => "of the right kind",
    };

    // Failed to bind parameter "Nullable<int> limit" from "x".
    [GeneratedRegex("^Failed to bind parameter \"(?<type>.+) (?<name>\\w+)\" from \"(?<value>.*)\"\\.$", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Unbound();
}
