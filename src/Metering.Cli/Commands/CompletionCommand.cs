using System.CommandLine;
using Metering.Cli.Completion;

namespace Metering.Cli.Commands;

/// <summary><c>metering completion SHELL</c>: prints the script that lets a shell complete commands, options and their values.</summary>
internal static class CompletionCommand
{
    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Prints the completion script of a shell: source <(metering completion bash).") { shell };
        command.SetAction(parsed =>
        {
            var nodes = CompletionNode.Of(CommandTree.Create());
            Console.Out.Write(parsed.GetValue(shell) switch { "zsh" => ZshScript.Of(nodes), "fish" => FishScript.Of(nodes), _ => BashScript.Of(nodes) });
            return 0;
        });
        return command;
    }
}
