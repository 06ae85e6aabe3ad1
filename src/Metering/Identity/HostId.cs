using System.Text.RegularExpressions;

namespace Metering.Identity;

/// <summary>The name a host ships under: <c>[A-Za-z0-9_-]{1,64}</c>. It is also the broker login and the first word of the routing key.</summary>
public readonly partial record struct HostId
{
    private HostId(string value) => Value = value;

    /// <summary>The text; empty only for <c>default</c>.</summary>
    public string Value { get; } = "";

    /// <summary>Accepts a host id, or says why it is none.</summary>
    public static bool TryParse(string? text, out HostId host)
    {
        var valid = text is not null && Pattern().IsMatch(text);
        host = valid ? new HostId(text!) : default;
        return valid;
    }

    /// <summary>For ids that were checked before, such as those read back from the journal.</summary>
    public static HostId Parse(string text) =>
        TryParse(text, out var host) ? host : throw new FormatException($"'{text}' is not a host id; one is 1 to 64 letters, digits, '-' or '_'.");

    public override string ToString() => Value;

    [GeneratedRegex("^[A-Za-z0-9_-]{1,64}$", RegexOptions.NonBacktracking)]
    private static partial Regex Pattern();
}
