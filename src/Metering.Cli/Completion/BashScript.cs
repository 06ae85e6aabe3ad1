using System.Text;

namespace Metering.Cli.Completion;

/// <summary>Completion for bash 4 and later: a function with the words of every command in it, so that a press of Tab starts no process.</summary>
internal static class BashScript
{
    public static string Of(IReadOnlyList<CompletionNode> nodes)
    {
        var script = new StringBuilder("""
            # metering completion bash > /etc/bash_completion.d/metering    (or: source <(metering completion bash))
            _metering() {
              local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= words= i
              if [ "$cur" = = ]; then cur=; elif [ "$prev" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
              COMPREPLY=()
              for ((i = 1; i < COMP_CWORD; i++)); do
                [ "${COMP_WORDS[i]}" = -- ] && return
                case "$at ${COMP_WORDS[i]}" in

            """);
        script.Append(ShellText.Paths(nodes, 8)).Append("""
                esac
              done
              case "$at:$prev" in

            """);
        foreach (var (pattern, values) in ShellText.Choices(nodes)) script.Append($"    {pattern}) words='{values}' ;;\n");
        script.Append($"    {ShellText.FileOptions(nodes)}) return ;;\n");
        script.Append($"    {ShellText.OtherOptions(nodes)}) compopt +o default 2>/dev/null; return ;;\n");
        script.Append("    *) case \"$at\" in\n");
        foreach (var node in nodes) script.Append($"      '{node.Path}') words='{string.Join(' ', ShellText.WordsOf(node))}' ;;\n");
        return script.Append("""
                esac ;;
              esac
              COMPREPLY=($(compgen -W "$words" -- "$cur"))
            }
            complete -o default -F _metering metering

            """).ToString();
    }
}
