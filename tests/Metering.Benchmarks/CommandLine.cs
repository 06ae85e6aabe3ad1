using System.Diagnostics.CodeAnalysis;

namespace Metering.Benchmarks;

/// <summary>The parsed command line: which scenarios, how long, and how the reports are printed.</summary>
internal sealed record CommandLine(IReadOnlyList<IScenario> Scenarios, RunOptions Options, Func<Report, string> Render)
{
    private const string All = "all";

    /// <summary>False with one sentence when something is not known.</summary>
    public static bool TryParse(string[] args, IReadOnlyList<IScenario> scenarios, Action<string> progress, [NotNullWhen(true)] out CommandLine? command, [NotNullWhen(false)] out string? fault)
    {
        (command, fault) = (null, null);
        var names = args.Where(argument => !argument.StartsWith('-')).ToList();
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        HashSet<string> flags = new(StringComparer.Ordinal), only = new(StringComparer.Ordinal);
        foreach (var argument in args.Where(argument => argument.StartsWith('-')))
        {
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            if (argument is "--json" or "--markdown" or "--full" or "--quick") flags.Add(argument);
            else if (argument.StartsWith("--only=", StringComparison.Ordinal)) only.UnionWith(argument[7..].Split(','));
            else if (equals > 0 && scenarios.Any(scenario => scenario.Usage.Contains(argument[..(equals + 1)], StringComparison.Ordinal))) values[argument[2..equals]] = argument[(equals + 1)..];
            else return Wrong($"There is no option '{argument}'.", out fault);
        }

        if (names.Count == 0) return Wrong("Name a scenario.", out fault);
        if (names.Find(name => name != All && scenarios.All(scenario => scenario.Name != name)) is { } unknown) return Wrong($"There is no scenario '{unknown}'.", out fault);
        if (flags.Contains("--full") && flags.Contains("--quick")) return Wrong("Give --full or --quick, not both.", out fault);
        var chosen = scenarios.Where(scenario => names.Contains(All) || names.Contains(scenario.Name)).ToList();
        var options = new RunOptions(flags.Contains("--full"), flags.Contains("--quick"), only, values, progress);
        Func<Report, string> render = flags.Contains("--json") ? report => report.ToJson() : flags.Contains("--markdown") ? report => report.ToMarkdown() : report => report.ToText();
        command = new CommandLine(chosen, options, render);
        return true;
    }

    public static void Help(TextWriter to, IEnumerable<IScenario> scenarios)
    {
        to.WriteLine("dotnet run -c Release --project tests/Metering.Benchmarks -- NAME... [--quick|--full] [--json|--markdown] [--only=PART,...]");
        foreach (var one in scenarios)
        {
            to.WriteLine($"  {one.Name,-10} {one.Summary}");
            foreach (var line in one.Usage.Split('\n', StringSplitOptions.RemoveEmptyEntries)) to.WriteLine($"             {line}");
        }

        to.WriteLine("  all        one after the other");
        to.WriteLine("  --quick    a smoke run: shows that everything works, its figures mean nothing");
        to.WriteLine("  --full     longer runs");
        to.WriteLine("  --json     prints only JSON; progress goes to stderr in every form");
        to.WriteLine("  --markdown prints the tables of the README");
    }

    private static bool Wrong(string why, out string fault)
    {
        fault = why;
        return false;
    }
}
