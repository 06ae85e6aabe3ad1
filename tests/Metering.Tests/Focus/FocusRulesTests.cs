using Metering.Service.Focus;
using Xunit;

namespace Metering.Tests.Focus;

public sealed class FocusRulesTests
{
    public static TheoryData<string, string> Rules => [.. FocusRules.All.SelectMany(rule => rule.Versions.Select(version => (rule.Id, version)))];

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_seeded_violation_makes_exactly_that_rule_fire(string id, string version)
    {
        var (rule, profile) = (FocusRules.All.Single(one => one.Id == id), FocusProfile.Find(version)!);
        var tables = Samples(profile);
        var table = tables.Single(one => one.Dataset == rule.Dataset);
        var details = tables.FirstOrDefault(one => one.Dataset == FocusDataset.InvoiceDetails);
        if (!FocusSeeds.TryBreak(rule, table))
        {
            var seeds = FocusSeeds.All.Where(seed => seed.Dataset == rule.Dataset.Id && rule.Statement.StartsWith(seed.Statement, StringComparison.Ordinal)).ToList();
            Assert.True(seeds.Count == 1, $"{id} has {seeds.Count} seeds: {rule.Statement}");
            foreach (var change in seeds[0].Changes) FocusSeeds.Apply(table, details, change);
        }

        // What a dataset breaks in itself is looked at without those that are held against it.
        var report = FocusTable.Check(profile, rule.Dataset == FocusDataset.CostAndUsage ? tables : [table]);

        Assert.Equal([id], report.Findings.Where(finding => finding.Violations > 0).Select(finding => finding.Rule));
    }

    [Theory]
    [InlineData("1.2")]
    [InlineData("1.4")]
    public void The_samples_break_no_rule_and_every_rule_has_looked_at_something(string version)
    {
        var profile = FocusProfile.Find(version)!;

        var report = FocusTable.Check(profile, Samples(profile));

        Assert.Empty(report.Findings.Where(finding => finding.Violations > 0).Select(finding => $"{finding.Rule}: {finding.First}"));
        Assert.Empty(report.Findings.Where(finding => finding.Checked == 0).Select(finding => finding.Statement));
        Assert.Equal(FocusDataset.Of(profile).Sum(dataset => FocusRules.Of(dataset, profile).Count()), report.Rules);
    }

    [Fact]
    public void Rules_have_distinct_ids_and_name_columns_that_there_are()
    {
        Assert.Equal(FocusRules.All.Count, FocusRules.All.Select(rule => rule.Id).Distinct().Count());
        foreach (var rule in FocusRules.All.Where(rule => rule.Test != FocusTest.Names))
        {
            foreach (var version in rule.Versions)
            {
                var columns = rule.Dataset.Columns.Where(column => column.IsIn(FocusProfile.Find(version)!)).Select(column => column.Name).ToHashSet();
                Assert.All(rule.Columns, name => Assert.Contains(name, columns));
            }
        }
    }

    [Fact]
    public void Profiles_have_the_columns_that_are_always_there()
    {
        Assert.Equal(21, FocusColumns.All.Count(column => column.IsMandatory(FocusProfile.V14)));
        Assert.Equal(21, FocusColumns.All.Count(column => column.IsMandatory(FocusProfile.V12)));
        Assert.Equal(["ProviderName", "PublisherName"], FocusColumns.All.Where(column => column.Level14 == '-').Select(column => column.Name));
    }

    [Fact]
    public void A_file_that_is_cut_off_or_is_no_table_is_no_export()
    {
        var samples = FocusSamples.CostAndUsage(FocusProfile.V12);
        var csv = samples.Csv();
        var reader = new FocusChecker(FocusProfile.V12).Begin(FocusDataset.CostAndUsage);

        reader.Push(csv.AsSpan(0, csv.Length - 40));
        Assert.Contains("fields, the header", Assert.Throws<FormatException>(reader.End).Message);
    }

    private static FocusTable[] Samples(FocusProfile profile) =>
        profile.HasInvoices ? [FocusSamples.Periods(), FocusSamples.Details(), FocusSamples.CostAndUsage(profile)] : [FocusSamples.CostAndUsage(profile)];
}
