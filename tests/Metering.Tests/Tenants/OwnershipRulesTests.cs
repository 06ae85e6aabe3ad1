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

    [Fact]
    public void What_nobody_would_be_billed_by_is_refused_and_all_of_it_at_once()
    {
        var faults = OwnershipChecks.Check(
            [
                Rule(new OwnershipMatch { Path = "/a*" }, "t"), Rule(new OwnershipMatch { Path = "/a/b" }, "t"), Rule(new OwnershipMatch { Kind = "dokcer" }, "u"), new OwnershipRule { Match = new OwnershipMatch { Path = "*" } },
                Rule(new OwnershipMatch { Kind = "own-*", Label = new() { ["env"] = "prod" } }, "unattributed"),
            ], new HashSet<string> { "t" }, ["own-kind"], force: false);

        Assert.Equal(["rules[1].match", "rules[2].tenant", "rules[2].match.kind", "rules[3].tenant", "rules[4].match"], faults.Select(fault => fault.Field));
        Assert.Equal(["rules[3].tenant"], OwnershipChecks.Check([Rule(new OwnershipMatch { Path = "/a*" }, "x"), Rule(new OwnershipMatch { Path = "/a/b" }, "t"), Rule(new OwnershipMatch { Kind = "later" }, "t"), new OwnershipRule { Match = new OwnershipMatch { Path = "*" } }],
            new HashSet<string>(), [], force: true).Select(fault => fault.Field));
    }

    [Theory]
    [InlineData("/a*", "/a/b*", true)]
    [InlineData("/a*", "/b", false)]
    [InlineData("/a", "/a*", false)]
    [InlineData("*", null, true)]
    [InlineData("/*", null, false)]
    [InlineData(null, "/x", true)]
    public void A_rule_covers_what_it_matches_all_of(string? path, string? other, bool covers) =>
        Assert.Equal(covers, Rule(new OwnershipMatch { Path = path }, "t").Covers(Rule(new OwnershipMatch { Path = other, Kind = "raw" }, "u")));

    [Fact]
    public void A_rule_for_a_time_does_not_cover_one_for_always() =>
        Assert.False((Rule(new OwnershipMatch { Path = "*" }, "t") with { From = DateTimeOffset.UnixEpoch }).Covers(Rule(new OwnershipMatch { Path = "/x" }, "u")));

    [Fact]
    public void The_service_knows_every_kind_that_agents_know() =>
        Assert.Equal(typeof(Metering.Agent.Workloads.WorkloadKinds).GetFields().Select(field => (string)field.GetRawConstantValue()!).Order(), Metering.Identity.WorkloadKindNames.All.Order());

    private static OwnershipRule Rule(OwnershipMatch match, string tenant) => new() { Match = match, Tenant = tenant };

    private static string Owner(OwnershipRules rules, string path) => rules.Resolve("h1", "raw", "name", path, Labels)[0].Tenant;
}
