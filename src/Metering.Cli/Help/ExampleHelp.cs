using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Metering.Cli.Help;

/// <summary>The usual help, followed by examples and by what the exit codes mean.</summary>
internal sealed class ExampleHelp(HelpAction usual) : SynchronousCommandLineAction
{
    public static void Attach(RootCommand root)
    {
        if (root.Options.OfType<HelpOption>().FirstOrDefault() is { Action: HelpAction usual } help) help.Action = new ExampleHelp(usual);
    }

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var result = usual.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        var path = PathOf(parseResult.CommandResult);
        if (Examples.Of.TryGetValue(path, out var examples))
        {
            output.WriteLine("Examples:");
            foreach (var example in examples) output.WriteLine("  metering " + example);
            output.WriteLine();
        }

        output.WriteLine("Exit codes:");
        foreach (var line in ExitCodes.Of(path)) output.WriteLine("  " + line);
        return result;
    }

    /// <summary>The command's words below <c>metering</c>; empty for the program itself.</summary>
    internal static string PathOf(System.CommandLine.Parsing.CommandResult result)
    {
        var names = new List<string>();
        for (System.CommandLine.Parsing.SymbolResult? at = result; at is System.CommandLine.Parsing.CommandResult { Command: var command } && command is not RootCommand; at = at.Parent) names.Insert(0, command.Name);
        return string.Join(' ', names);
    }
}
