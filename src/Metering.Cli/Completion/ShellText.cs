using System.Text;

namespace Metering.Cli.Completion;

/// <summary>Pieces that the scripts of several shells have in common.</summary>
internal static class ShellText
{
    /// <summary>A word in single quotes. fish alone takes <c>\'</c> within them; ending and beginning again is understood by all.</summary>
    public static string Quote(string text) => "'" + text.ReplaceLineEndings(" ").Replace("'", "'\"'\"'", StringComparison.Ordinal) + "'";

    /// <summary>Arms of a <c>case</c> that follow the words of the line into the commands.</summary>
    public static string Paths(IReadOnlyList<CompletionNode> nodes, int indent, string word = "${COMP_WORDS[i]}")
    {
        var arms = new StringBuilder();
        foreach (var node in nodes.Where(node => node.Path.Length > 0)) arms.Append(' ', indent - 2).Append($"'{node.Path}') at=\"$at {word}\" ;;\n");
        return arms.ToString();
    }

    /// <summary>Everything that may come next.</summary>
    public static IEnumerable<string> WordsOf(CompletionNode node) => [.. node.Commands.Select(command => command.Name), .. node.Words, .. node.Options.SelectMany(option => option.Names)];

    /// <summary>Patterns of command and option, with the values that may follow.</summary>
    public static IEnumerable<(string Pattern, string Values)> Choices(IReadOnlyList<CompletionNode> nodes) =>
        from node in nodes from option in node.Options where option.Values.Count > 0 select (string.Join(" | ", option.Names.Select(name => $"'{node.Path}:{name}'")), string.Join(' ', option.Values));

    public static string FileOptions(IReadOnlyList<CompletionNode> nodes) => Anywhere(nodes, option => option.IsFile);

    /// <summary>Options that are followed by something that nobody knows.</summary>
    public static string OtherOptions(IReadOnlyList<CompletionNode> nodes) => Anywhere(nodes, option => option is { TakesValue: true, IsFile: false, Values.Count: 0 });

    private static string Anywhere(IReadOnlyList<CompletionNode> nodes, Func<CompletionOption, bool> which) =>
        string.Join(" | ", nodes.SelectMany(node => node.Options).Where(which).SelectMany(option => option.Names).Distinct(StringComparer.Ordinal).Select(name => "*:" + name));
}
