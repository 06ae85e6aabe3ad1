using Metering.Service.Tenants;
using Xunit;

namespace Metering.Tests.Tenants;

public sealed class OwnershipRulesTests
{
    private static readonly Dictionary<string, string> Labels = new() { ["env"] = "prod", ["user"] = "1000" };

    [Fact]
    public void The_first_rule_that_matches_wins_and_the_rest_is_unattributed()
    {
        var rules = new OwnershipRules([Rule(new OwnershipMatch { Path = "/a/*" }, "alpha"), Rule(new OwnershipMatch { Kind = "raw" }, "raw"), Rule(new OwnershipMatch { Path = "/a/b" }, "never")]);

        Assert.Equal("alpha", Owner(rules, "/a/b"));
        Assert.Equal("raw", Owner(rules, "/x"));
        Assert.Equal("unattributed", rules.Resolve("h", "docker", "n", "/x", Labels)[0].Tenant);
    }

    [Theory]
    [InlineData("/x*", "/x1", true)]
    [InlineData("/x*", "/x1/deep/er", true)]
    [InlineData("/x*", "/y", false)]
    [InlineData("/x?", "/x1", true)]
    [InlineData(@"/a\x2db*", @"/a\x2db.service", true)]
    [InlineData("*", "/anything", true)]
    public void Paths_match_by_pattern(string pattern, string path, bool matches) =>
        Assert.Equal(matches ? "t" : "unattributed", Owner(new OwnershipRules([Rule(new OwnershipMatch { Path = pattern }, "t")]), path));

    [Fact]
    public void Labels_user_and_host_are_conditions_too()
    {
        Assert.Equal("t", Owner(new OwnershipRules([Rule(new OwnershipMatch { Label = new() { ["env"] = "prod" }, User = "1000", Host = "h*" }, "t")]), "/x"));
        Assert.Equal("unattributed", Owner(new OwnershipRules([Rule(new OwnershipMatch { Label = new() { ["env"] = "test" } }, "t")]), "/x"));
        Assert.Equal("unattributed", Owner(new OwnershipRules([Rule(new OwnershipMatch { Label = new() { ["none"] = "*" } }, "t")]), "/x"));
    }

    [Fact]
    public void Rules_that_hold_for_a_time_make_intervals_without_gaps()
    {
        var from = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero);
        var rules = new OwnershipRules([Rule(new OwnershipMatch { Path = "/x" }, "guest") with { From = from, To = from.AddDays(1) }, Rule(new OwnershipMatch { Path = "*" }, "house")]);

        var intervals = rules.Resolve("h", "raw", "x", "/x", Labels);

        Assert.Equal(["house", "guest", "house"], intervals.Select(interval => interval.Tenant));
        Assert.Equal(0, intervals[0].From);
        Assert.Equal(long.MaxValue, intervals[^1].To);
        Assert.All(intervals.Zip(intervals.Skip(1)), pair => Assert.Equal(pair.First.To, pair.Second.From));
    }

    private static OwnershipRule Rule(OwnershipMatch match, string tenant) => new() { Match = match, Tenant = tenant };

    private static string Owner(OwnershipRules rules, string path) => rules.Resolve("h1", "raw", "name", path, Labels)[0].Tenant;
}
