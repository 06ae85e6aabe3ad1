using System.Text;
using System.Text.RegularExpressions;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Faults;

/// <summary>The catalogue of faults: every test that it names exists, and <c>docs/faults.md</c> is what it says. <c>UPDATE_GOLDEN=1</c> writes the document.</summary>
public sealed partial class FaultTableTests
{
    private const int Count = 78;
    private static readonly string Tests = Path.Combine(RepositoryFiles.Root, "tests"), Document = Path.Combine(RepositoryFiles.Root, "docs", "faults.md");
    private static readonly IReadOnlyList<Fault> Faults = Fault.Read(File.ReadLines(Path.Combine(Tests, "Metering.Tests", "Faults", "faults.txt")));

    [Fact]
    public void Every_fault_has_a_test_or_says_what_is_open()
    {
        Assert.Equal(Enumerable.Range(1, Count), Faults.Select(fault => fault.Number));
        Assert.All(Faults, fault => Assert.True(fault.Tests.Count > 0 || fault.Open.Length > 0, $"fault {fault.Number} has neither"));
    }

    [Fact]
    public void Every_test_that_is_named_exists()
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(Tests, "*.cs", SearchOption.AllDirectories))
        {
            // A class in several files is named by the first part of their names.
            var name = Path.GetFileName(file).Split('.')[0];
            foreach (Match test in TestMethod().Matches(File.ReadAllText(file))) known.Add($"{name}.{test.Groups[1].Value}");
        }

        Assert.Empty(Faults.SelectMany(fault => fault.Tests).Except(known));
    }

    [Fact]
    public void The_document_is_up_to_date()
    {
        var text = Render();
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1" && Environment.GetEnvironmentVariable("CI") != "true") File.WriteAllText(Document, text);
        Assert.True(File.Exists(Document) && File.ReadAllText(Document) == text, "docs/faults.md is not what tests/Metering.Tests/Faults/faults.txt says; run the tests once with UPDATE_GOLDEN=1.");
    }

    private static string Render()
    {
        var text = new StringBuilder("# Faults and the tests that cover them\n\n");
        text.Append("Made by a test from `tests/Metering.Tests/Faults/faults.txt`, which also checks that each test exists. `LedgerContract`, `BillingContract`, `DeliveryContract` and `SeriesContract` run on SQLite and on PostgreSQL.\n\n");
        text.Append($"Of {Faults.Count} faults {Faults.Count(fault => fault.Open.Length == 0)} are covered, {Faults.Count(fault => fault.Open.Length > 0 && fault.Tests.Count > 0)} in part, {Faults.Count(fault => fault.Tests.Count == 0)} are open.\n");
        foreach (var area in Faults.GroupBy(fault => fault.Area))
        {
            text.Append($"\n## {char.ToUpperInvariant(area.Key[0])}{area.Key[1..]}\n\n| # | fault | what must hold | test |\n|---|---|---|---|\n");
            foreach (var fault in area)
            {
                var tests = fault.Tests.Select(test => $"`{test}`").ToList();
                if (fault.Open.Length > 0) tests.Add($"**open**: {fault.Open}");
                text.Append($"| {fault.Number} | {fault.What} | {fault.MustHold} | {string.Join("<br>", tests)} |\n");
            }
        }

        return text.ToString();
    }

    // Only tests have names that are sentences.
    [GeneratedRegex(@"public (?:async )?(?:Task|void) ([A-Z][A-Za-z0-9]*_\w+)\(")]
    private static partial Regex TestMethod();
}
