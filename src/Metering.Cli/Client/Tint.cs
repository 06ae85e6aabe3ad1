namespace Metering.Cli.Client;

/// <summary>Colour for people: on a terminal, unless <c>NO_COLOR</c> (https://no-color.org) says something or <c>TERM</c> is <c>dumb</c>. What colour says is always said by a word or a sign as well.</summary>
internal static class Tint
{
    private static readonly Dictionary<string, string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        ["firing"] = "red", ["dead"] = "red", ["refused"] = "red", ["disabled"] = "red", ["voided"] = "red",
        ["pending"] = "magenta", ["late"] = "magenta", ["corrected"] = "magenta", ["draft"] = "magenta", ["no price"] = "magenta", ["unattributed"] = "magenta",
        ["ok"] = "green", ["resolved"] = "green", ["delivered"] = "green", ["issued"] = "green", ["active"] = "green",
    };

    // Magenta for what is to be looked at: yellow can not be read on a light terminal, and which one it is nobody tells for certain.
    private static readonly Dictionary<string, int> Codes = new(StringComparer.Ordinal) { ["red"] = 31, ["green"] = 32, ["magenta"] = 35, ["bold"] = 1 };

    /// <summary>Standard output is a terminal that may be coloured.</summary>
    public static bool IsOn => !Console.IsOutputRedirected && IsWanted(Environment.GetEnvironmentVariable("NO_COLOR"), Environment.GetEnvironmentVariable("TERM"));

    internal static bool IsWanted(string? noColour, string? terminal) => string.IsNullOrEmpty(noColour) && terminal != "dumb";

    /// <summary>The colour of a state; null: it has none.</summary>
    public static string? Of(string word) => Words.GetValueOrDefault(word);

    /// <summary>The text in a colour, if standard output takes it.</summary>
    public static string Paint(string colour, string text) => IsOn ? $"\u001b[{Codes[colour]}m{text}\u001b[0m" : text;
}
