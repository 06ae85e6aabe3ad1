using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace Metering.Cli.Help;

/// <summary>What is wrong with a command line, as one sentence with the remedy.</summary>
internal static class WrongUse
{
    /// <summary>Null: nothing is wrong. Words that are no command's are wrong beside <c>--help</c> too, or a slip of the pen would look like success.</summary>
    public static string? Of(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var path = ("metering " + ExampleHelp.PathOf(parsed.CommandResult)).Trim();
        var asksForHelp = parsed.Action is ExampleHelp;
        var word = parsed.UnmatchedTokens is [var first, ..] ? first : null;
        if (word is null && (asksForHelp || parsed.Errors.Count == 0)) return null;

        if (word is ['-', ..]) return $"'{path}' has no option '{word}'{Remedy(path, word, "", OptionsOf(parsed.CommandResult))}";
        if (word is not null && command.Subcommands.Count > 0) return $"There is no command '{path} {word}'{Remedy(path, word, path + " ", command.Subcommands.Where(part => !part.Hidden).Select(part => part.Name))}";
        if (word is not null) return $"'{path}' takes no argument '{word}'; see '{path} --help'.";
        if (command.Subcommands.Count > 0 && parsed.Errors.All(error => error.SymbolResult == parsed.CommandResult)) return $"'{path}' needs one of {string.Join(", ", command.Subcommands.Where(part => !part.Hidden).Select(part => part.Name))}; see '{path} --help'.";
        return $"{Sentence(parsed.Errors[0], path)}; see '{path} --help'.";
    }

    private static string Sentence(ParseError error, string path)
    {
        switch (error.SymbolResult)
        {
            case OptionResult { Tokens: [] } option:
                return option.IdentifierTokenCount > 0 ? $"{option.Option.Name} needs a value" : $"'{path}' needs {option.Option.Name}";
            case OptionResult { Tokens: [var given, ..] } option when Choices(option.Option) is { Length: > 0 } choices:
                return $"{option.Option.Name} can not be '{given.Value}', it is one of {choices}";
            case ArgumentResult { Tokens: [] } argument:
                return $"'{path}' needs {argument.Argument.HelpName ?? argument.Argument.Name}";
            case CommandResult { Command.Arguments: [var wanted, ..] } result when result.Tokens.Count == 0:
                return $"'{path}' needs {wanted.HelpName ?? wanted.Name}";
            default:
                return string.Join(' ', error.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.');
        }
    }

    private static string Choices(Option option) => option.ValueType == typeof(bool) ? "" : string.Join(", ", option.GetCompletions(CompletionContext.Empty).Select(item => item.Label));

    private static IEnumerable<string> OptionsOf(CommandResult result)
    {
        for (SymbolResult? at = result; at is CommandResult { Command: var command }; at = at.Parent)
        {
            foreach (var option in command.Options.Where(option => !option.Hidden && (at == result || option.Recursive) && option is not HelpOption)) yield return option.Name;
        }
    }

    private static string Remedy(string path, string word, string before, IEnumerable<string> known)
    {
        // A third of the letters may be wrong: enough for slips, too little to guess at another word.
        var nearest = known.Select(name => (Name: name, Slips: Slips(word, name))).Where(pair => pair.Slips <= Math.Max(1, pair.Name.Length / 3)).OrderBy(pair => pair.Slips).FirstOrDefault();
        return nearest.Name is { } name ? $"; did you mean '{before}{name}'?" : $"; see '{path} --help'.";
    }

    /// <summary>Letters to put in, take out, change or swap with their neighbour to come from one word to the other (optimal string alignment).</summary>
    internal static int Slips(string from, string to)
    {
        var rows = new int[from.Length + 1, to.Length + 1];
        for (var i = 0; i <= from.Length; i++) rows[i, 0] = i;
        for (var j = 0; j <= to.Length; j++) rows[0, j] = j;
        for (var i = 1; i <= from.Length; i++)
        {
            for (var j = 1; j <= to.Length; j++)
            {
                var change = from[i - 1] == to[j - 1] ? 0 : 1;
                rows[i, j] = Math.Min(Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1, rows[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }

        return rows[from.Length, to.Length];
    }
}
