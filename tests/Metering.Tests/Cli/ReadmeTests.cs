using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Metering.Cli;
using Metering.Cli.Doctor;
using Metering.Configuration;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Cli;

/// <summary>What the README and the documents beside it say is held against the code.</summary>
public sealed partial class ReadmeTests
{
    private const int MaxPictureBytes = 150 << 10;
    private static readonly string Readme = Path.Combine(RepositoryFiles.Root, "README.md");

    public static TheoryData<string> Documents => [.. Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "docs"), "*.md").Prepend(Readme).Select(file => Path.GetRelativePath(RepositoryFiles.Root, file))];

    [Fact]
    public void The_table_of_capabilities_is_what_doctor_checks()
    {
        var rows = File.ReadLines(Path.Combine(RepositoryFiles.Root, "README.md")).Where(line => line.StartsWith("| `CAP_", StringComparison.Ordinal)).Select(line => line.Split('|', StringSplitOptions.TrimEntries)[1..^1]);
        Assert.Equal(Capability.All.Select(one => new[] { $"`{one.Name}`", one.Buys, one.Without }), rows);
    }

    [Fact]
    public void The_table_of_configuration_is_that_of_the_code()
    {
        var rows = Rows(File.ReadLines(Readme)).Where(cells => cells[1].Contains(':')).Select(cells => (Key: cells[1].Trim('`'), Meaning: cells[2]));
        Assert.Equal(Settings.Known.Select(pair => (pair.Key, pair.Value)), rows);
    }

    [Fact]
    public void The_table_of_commands_has_every_command()
    {
        var named = Rows(File.ReadLines(Readme).SkipWhile(line => line != "## Commands")).SelectMany(cells => Code().Matches(cells[1]).Select(match => match.Groups[1].Value)).ToHashSet();
        Assert.Empty(CommandTree.Create().Subcommands.Select(command => command.Name).Except(named));
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_and_pictures_lead_to_what_is_there(string document)
    {
        var path = Path.Combine(RepositoryFiles.Root, document);
        var text = File.ReadAllText(path);
        foreach (var target in Link().Matches(text).Select(match => match.Groups[1].Value).Where(target => !target.Contains("://", StringComparison.Ordinal)))
        {
            var (file, anchor) = target.IndexOf('#', StringComparison.Ordinal) is var at and >= 0 ? (target[..at], target[(at + 1)..]) : (target, "");
            var full = file.Length == 0 ? path : Path.Combine(Path.GetDirectoryName(path)!, file);
            Assert.True(File.Exists(full), $"{document} links to '{target}', which is not there.");
            if (full.EndsWith(".png", StringComparison.Ordinal)) Assert.True(new FileInfo(full).Length <= MaxPictureBytes, $"{target} has more than {MaxPictureBytes} bytes.");
            if (anchor.Length > 0) Assert.Contains(anchor, File.ReadLines(full).Where(line => line.StartsWith('#')).Select(Anchor));
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Commands_that_are_shown_are_taken(string document)
    {
        foreach (var line in File.ReadLines(Path.Combine(RepositoryFiles.Root, document)).Where(line => line.StartsWith("$ metering ", StringComparison.Ordinal)))
        {
            var words = CommandLineParser.SplitCommandLine(ShellEnd().Split(line)[0]["$ metering ".Length..].Replace('\'', '"')).ToArray();
            var parsed = CommandTree.Create().Parse(words, new ParserConfiguration { ResponseFileTokenReplacer = null });
            Assert.True(parsed.Errors.Count == 0, $"{document}: {line}: {string.Join(" ", parsed.Errors.Select(error => error.Message))}");
        }
    }

    private static IEnumerable<string[]> Rows(IEnumerable<string> lines) =>
        lines.Select(line => line.Split('|', StringSplitOptions.TrimEntries)).Where(cells => cells.Length >= 4 && cells[1].StartsWith('`'));

    // As GitHub makes them: small letters, no punctuation, hyphens for spaces.
    private static string Anchor(string heading) => NotInAnchor().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex("`([a-z]+)[^`]*`")]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@" \| | <<< |  +#|\s*…$")]
    private static partial Regex ShellEnd();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();
}
