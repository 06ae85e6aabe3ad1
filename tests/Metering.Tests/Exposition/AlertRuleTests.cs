using System.Text.RegularExpressions;
using Metering.Tests.Cli;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Exposition;

/// <summary>An alert on a metric that nobody writes never fires.</summary>
public sealed partial class AlertRuleTests
{
    [Fact]
    public void Every_metric_that_an_alert_names_is_in_the_code()
    {
        var code = WrittenMetrics.Code();
        var rules = File.ReadAllLines(Path.Combine(RepositoryFiles.Root, "deploy", "prometheus", "metering-rules.yml")).Where(line => line.TrimStart().StartsWith("expr:", StringComparison.Ordinal));
        var names = rules.SelectMany(line => Names().Matches(line)).Select(match => match.Value).Distinct().ToList();

        Assert.NotEmpty(names);
        foreach (var name in names) Assert.True(WrittenMetrics.Has(code, name), name);
    }

    [GeneratedRegex("metering_[a-z_]+")]
    private static partial Regex Names();
}
