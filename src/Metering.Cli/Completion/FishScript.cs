using System.Text;

namespace Metering.Cli.Completion;

/// <summary>Completion for fish 3 and later, with descriptions.</summary>
internal static class FishScript
{
    public static string Of(IReadOnlyList<CompletionNode> nodes)
    {
        var script = new StringBuilder("# metering completion fish > ~/.config/fish/completions/metering.fish\n");
        script.Append($"set -g __metering_paths {string.Join(' ', nodes.Where(node => node.Path.Length > 0).Select(node => ShellText.Quote(node.Path)))}\n");
        script.Append("""
            function __metering_at
              set -l at ''
              for word in (commandline -opc)[2..-1]
                contains -- "$at $word" $__metering_paths; and set at "$at $word"
              end
              test "$at" = "$argv[1]"
            end
            complete -c metering -f

            """);
        foreach (var node in nodes)
        {
            var head = $"complete -c metering -n {ShellText.Quote($"__metering_at '{node.Path}'")}";
            foreach (var (name, description) in node.Commands) script.Append($"{head} -a {name} -d {ShellText.Quote(description)}\n");
            foreach (var word in node.Words) script.Append($"{head} -a {ShellText.Quote(word)}\n");
            foreach (var option in node.Options)
            {
                script.Append(head);
                foreach (var name in option.Names) script.Append(name.StartsWith("--", StringComparison.Ordinal) ? " -l " + name[2..] : " -s " + name[1..]);
                script.Append(option.IsFile ? " -r -F" : option.Values.Count > 0 ? $" -x -a {ShellText.Quote(string.Join(' ', option.Values))}" : option.TakesValue ? " -x" : "").Append($" -d {ShellText.Quote(option.Description)}\n");
            }
        }

        return script.ToString();
    }
}
