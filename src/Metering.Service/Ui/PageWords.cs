using System.Globalization;
using System.Text.RegularExpressions;

namespace Metering.Service.Ui;

/// <summary>What the API refuses, in the words of the pages: whoever fills in a form knows no routes, no <c>force=true</c> and no <c>rules[0].match</c>.</summary>
internal static partial class PageWords
{
    /// <param name="said">The detail of a problem document.</param>
    public static string Of(string said)
    {
        var words = Route().Replace(said, route => route.Groups["what"].Value switch
        {
            "tenants" => "under Tenants",
            "webhooks" => "under Settings, Webhooks and channels",
            "price-books" => "under Prices",
            _ => "with 'metering plans apply'",
        });
        words = words.Replace("repeat it with force=true", "give it to the command with --force", StringComparison.Ordinal);
        words = NoCondition().Replace(words, "${rule} has no condition; write * as its path to match all.");
        words = Wrapping().Replace(words, "");
        return Entry().Replace(words, entry => $"{Name(entry.Groups["list"].Value)} {int.Parse(entry.Groups["at"].Value, CultureInfo.InvariantCulture) + 1}{(entry.Groups["more"].Value.Length > 0 ? ", " : "")}")
            .Replace("subject.", "", StringComparison.Ordinal).Replace("url The ", "The ", StringComparison.Ordinal).Replace("url This ", "This ", StringComparison.Ordinal);
    }

    private static string Name(string list) => list switch { "rules" => "Rule", "prices" => "Price", "thresholds" => "Threshold", "tiers" => "tier", _ => "Tell" };

    [GeneratedRegex(@"with PUT /v1/(?<what>tenants|webhooks|price-books|quota-plans)/\S*[^\s.]", RegexOptions.NonBacktracking)]
    private static partial Regex Route();

    [GeneratedRegex(@"(?<rule>rules\[[0-9]{1,9}\])\.match has no condition;[^.]*\.", RegexOptions.NonBacktracking)]
    private static partial Regex NoCondition();

    [GeneratedRegex(@"(?:documents|versions)\[[0-9]{1,9}\]\.", RegexOptions.NonBacktracking)]
    private static partial Regex Wrapping();

    [GeneratedRegex(@"\b(?<list>rules|prices|thresholds|notify|tiers)\[(?<at>[0-9]{1,9})\](?<more>\.(?:match\.)?)?", RegexOptions.NonBacktracking)]
    private static partial Regex Entry();
}
