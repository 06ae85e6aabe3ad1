using System.CommandLine;
using System.CommandLine.Completions;

namespace Metering.Cli.Completion;

/// <summary>An option and what may follow it.</summary>
/// <param name="Names">All of its names, such as <c>--file</c> and <c>-f</c>.</param>
/// <param name="Values">The only values that it takes; empty: any.</param>
internal sealed record CompletionOption(IReadOnlyList<string> Names, string Description, bool TakesValue, bool IsFile, IReadOnlyList<string> Values)
{
    private static readonly HashSet<string> Files = ["--data", "--file", "--output", "--rules", "--cgroup-root"];

    public static CompletionOption Of(Option option)
    {
        var names = option.Aliases.Prepend(option.Name).Where(name => name is not ("-?" or "/?" or "/h")).ToArray();
        var takesValue = option.Arity.MaximumNumberOfValues > 0 && option.ValueType != typeof(bool);
        return new CompletionOption(names, option.Description ?? "", takesValue, Files.Contains(option.Name), takesValue ? [.. option.GetCompletions(CompletionContext.Empty).Select(item => item.Label)] : []);
    }
}
