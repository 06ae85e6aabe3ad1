using System.CommandLine;
using System.CommandLine.Completions;

namespace Metering.Cli.Completion;

/// <summary>What can follow one command: its parts and options, as a script of a shell needs them.</summary>
/// <param name="Path">The command's words, each led by a space; empty: <c>metering</c> itself.</param>
/// <param name="Words">What may stand first, such as the shells of <c>completion</c>.</param>
internal sealed record CompletionNode(string Path, IReadOnlyList<(string Name, string Description)> Commands, IReadOnlyList<CompletionOption> Options, IReadOnlyList<string> Words)
{
    /// <summary>The node of a command and of all below it.</summary>
    public static IReadOnlyList<CompletionNode> Of(RootCommand root)
    {
        var nodes = new List<CompletionNode>();
        Add(nodes, root, "", [.. root.Options.Where(option => option.Recursive)]);
        return nodes;
    }

    private static void Add(List<CompletionNode> nodes, Command command, string path, IReadOnlyList<Option> everywhere)
    {
        var parts = command.Subcommands.Where(part => !part.Hidden).ToList();
        var options = command.Options.Concat(everywhere).Distinct().Where(option => !option.Hidden).Select(CompletionOption.Of);
        var words = command.Arguments.SelectMany(argument => argument.GetCompletions(CompletionContext.Empty)).Select(item => item.Label);
        nodes.Add(new CompletionNode(path, [.. parts.Select(part => (part.Name, part.Description ?? ""))], [.. options], [.. words]));
        foreach (var part in parts) Add(nodes, part, $"{path} {part.Name}", everywhere);
    }
}
