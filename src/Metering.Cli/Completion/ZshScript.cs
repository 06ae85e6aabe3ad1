using System.Text;

namespace Metering.Cli.Completion;

/// <summary>Completion for zsh; commands and options have their descriptions.</summary>
internal static class ZshScript
{
    public static string Of(IReadOnlyList<CompletionNode> nodes)
    {
        var script = new StringBuilder("""
            #compdef metering
            # metering completion zsh > "${fpath[1]}/_metering"    (or: source <(metering completion zsh))
            _metering() {
              local at='' prev=$words[CURRENT-1] i
              local -a found
              for ((i = 2; i < CURRENT; i++)); do
                [[ $words[i] == -- ]] && { _files; return }
                case "$at $words[i]" in

            """);
        script.Append(ShellText.Paths(nodes, 8, "${words[i]}")).Append("""
                esac
              done
              case "$at:$prev" in

            """);
        foreach (var (pattern, values) in ShellText.Choices(nodes)) script.Append($"    ({pattern}) compadd -- {values}; return ;;\n");
        script.Append($"    ({ShellText.FileOptions(nodes)}) _files; return ;;\n");
        script.Append($"    ({ShellText.OtherOptions(nodes)}) return ;;\n  esac\n  case \"$at\" in\n");
        foreach (var node in nodes)
        {
            var items = node.Commands.Select(one => (one.Name, one.Description)).Concat(node.Words.Select(word => (Name: word, Description: ""))).Concat(node.Options.SelectMany(option => option.Names.Select(name => (Name: name, option.Description))));
            script.Append($"    ('{node.Path}') found=({string.Join(' ', items.Select(item => ShellText.Quote(item.Name + (item.Description.Length > 0 ? ":" + item.Description : ""))))}) ;;\n");
        }

        return script.Append("""
              esac
              _describe metering found || _files
            }
            if [[ ${funcstack[1]-} == _metering ]]; then _metering "$@"; else compdef _metering metering; fi

            """).ToString();
    }
}
