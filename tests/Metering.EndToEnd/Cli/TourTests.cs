using System.Globalization;
using System.Text.RegularExpressions;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary>
/// The README's "Ten minutes", typed in by a newcomer: each command of it runs, in order, in a fresh directory, and prints what the README shows.
/// Figures, times and ids are another run's and may differ; words, columns and their order may not. A line of … stands for any lines, at a line's end for the rest of it.
/// </summary>
public sealed partial class TourTests
{
    private const string Section = "## Ten minutes";
    private const string ShownDemoUrl = "http://127.0.0.1:5983";
    private const string ShownMonth = "2026-10";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(120);
    private static readonly string Program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Metering.Cli", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "metering.dll"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private sealed record Step(string Command, List<string> Shown);

    [Fact]
    public async Task Each_command_of_the_tour_prints_what_the_readme_shows()
    {
        MeteringUp.RequireCgroups();
        var directory = Directory.CreateTempSubdirectory("metering-tour-").FullName;
        Directory.CreateSymbolicLink(Path.Combine(directory, "deploy"), Path.Combine(RepositoryFiles.Root, "deploy"));
        var (url, demoUrl) = ($"http://127.0.0.1:{Ports.Free()}", $"http://127.0.0.1:{Ports.Free()}");
        var month = TimeProvider.System.GetUtcNow().AddMonths(-1).ToString("yyyy-MM", CultureInfo.InvariantCulture);
        var steps = Steps().ConvertAll(step => new Step(Here(step.Command), step.Shown));
        Assert.True(steps.Count >= 15, $"The README's tour has {steps.Count} commands; was its section renamed?");
        var running = new List<ChildProcess>();
        try
        {
            await UpAsync($"metering up --interval 1s --url {url}", "Metering is up");
            foreach (var (command, shown) in steps)
            {
                var export = ExportUrl().Match(command);
                if (export.Success) url = export.Groups[1].Value;
                else if (command.StartsWith("metering up", StringComparison.Ordinal)) Same(command, shown, (await UpAsync(command, shown[^1][..12])).Output);
                else await RunAsync(command, shown);
            }
        }
        finally
        {
            foreach (var child in running) await child.DisposeAsync();
            Directory.Delete(directory, recursive: true);
        }

        string Here(string command) => command.Replace(ShownDemoUrl, demoUrl, StringComparison.Ordinal).Replace(ShownMonth, month, StringComparison.Ordinal);

        async Task<ChildProcess> UpAsync(string command, string until)
        {
            var child = ChildProcess.Start("dotnet", [Program, .. command.Split(' ')[1..]], new Dictionary<string, string?> { ["METERING_ADMIN_KEY"] = null }, directory);
            running.Add(child);
            await child.WaitForLineAsync(until, Timeout, Cancel);
            return child;
        }

        async Task RunAsync(string command, List<string> shown)
        {
            await using var child = ChildProcess.Start("bash", ["-c", $"exec 2>&1; metering() {{ dotnet '{Program}' \"$@\"; }}; {command}"], new Dictionary<string, string?> { ["METERING_URL"] = url, ["METERING_KEY"] = null }, directory);
            var code = await child.WaitForExitAsync(Timeout, Cancel);
            Assert.True(code == 0, $"$ {command}\nended with {code}:\n{child.Output}");
            Same(command, shown, child.Output);
        }
    }

    // The commands of the section's blocks, each with the lines that follow it.
    private static List<Step> Steps()
    {
        var steps = new List<Step>();
        var (inside, block) = (false, false);
        foreach (var line in File.ReadLines(Path.Combine(RepositoryFiles.Root, "README.md")))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal)) inside = line.StartsWith(Section, StringComparison.Ordinal);
            if (!inside) continue;
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                block = !block;
                if (!block) steps.Add(new Step("", []));
            }
            else if (block && line.StartsWith("$ ", StringComparison.Ordinal)) steps.Add(new Step(line[2..], []));
            else if (block && steps is [.., { Command.Length: > 0 } last]) last.Shown.Add(line);
        }

        return steps.FindAll(step => step.Command.Length > 0);
    }

    private static void Same(string command, List<string> shown, string printed)
    {
        var pattern = string.Join("", Lines(shown).ConvertAll(line =>
            line == "…" ? "(?:.*\n)*?" : line.EndsWith('…') ? Regex.Escape(line[..^1].TrimEnd()) + ".*\n" : Regex.Escape(line) + "\n"));
        var actual = string.Join("", Lines(printed.Split('\n')).ConvertAll(line => line + "\n"));
        Assert.True(Regex.IsMatch(actual, $"^{pattern}$", RegexOptions.None, Timeout), $"$ {command}\nprinted\n{printed}\nand the README shows\n{string.Join('\n', shown)}\nwhich is, without figures,\n{actual}\nand\n{pattern}");
    }

    // Each answer of a demo says so; the README shows that once.
    private static List<string> Lines(IEnumerable<string> text) => [.. text.Select(Plain).Where(line => line.Length > 0 && !line.StartsWith("metering: a demo answered", StringComparison.Ordinal))];

    // Without what differs from run to run: figures, ids, and how wide columns are.
    private static string Plain(string line) => Blanks().Replace(Unit().Replace(Figure().Replace(Id().Replace(line, "#"), "#"), "B"), " ").Trim();

    [GeneratedRegex("^export METERING_URL=(.*)$")]
    private static partial Regex ExportUrl();

    [GeneratedRegex(@"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,}\b")]
    private static partial Regex Id();

    [GeneratedRegex("-?[0-9](?:[0-9.,:]*[0-9])?")]
    private static partial Regex Figure();

    [GeneratedRegex(@"\b[KMGT]?i?B\b")]
    private static partial Regex Unit();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
