using Metering.Service.Quotas;
using Metering.Service.Tenants;
using NodaTime;
using Xunit;

namespace Metering.Tests.Quotas;

/// <summary>Every fault of a quota at once, each at its field.</summary>
public sealed class QuotaRulesTests
{
    private static readonly Quota Good = new() { Subject = new QuotaSubject { Tenant = "acme" }, Meter = "cpuSeconds", Limit = 100 };

    [Fact]
    public void All_faults_are_told_at_once_each_with_its_field()
    {
        var bad = new Quota
        {
            Subject = new QuotaSubject { Project = "p", Workload = new OwnershipMatch { Path = "web*" } },
            Kind = "useage",
            Meter = "cpu",
            Window = "fortnight",
            Limit = 0,
            Thresholds = [80, 80, -1],
            Amounts = [0],
            Direction = "sideways",
            Hysteresis = 100,
            For = "5 bananas",
            Grace = "400d",
            Severity = "fatal",
            Labels = new Dictionary<string, string> { [""] = "x" },
            Notify = ["nobody"],
        };

        var faults = QuotaRules.Check("no good", bad, bad.Limit);
        faults.AddRange(QuotaRules.CheckReferences("no good", bad with { Subject = new QuotaSubject { Tenant = "nobody" } }, ["acme"], new HashSet<string>(), ["NO GOOD"]));

        Assert.Equal(["", "subject.project", "subject.workload.path", "kind", "meter", "window", "limit", "thresholds[1]", "thresholds[2]", "amounts[0]", "direction", "hysteresis", "for", "grace", "severity", "labels",
            "subject.tenant", "notify[0]", ""], faults.Select(fault => fault.Field));
        Assert.All(faults, fault => Assert.EndsWith(".", fault.Message));
    }

    [Theory]
    [InlineData("rolling 25m")]
    [InlineData("rolling 32d")]
    [InlineData("rolling 90m")]
    [InlineData("rolling")]
    [InlineData("year")]
    public void An_impossible_window_is_refused(string window) => Assert.Equal("window", Assert.Single(Faults(Good with { Window = window })));

    [Fact]
    public void What_does_not_go_together_is_refused()
    {
        Assert.Empty(Faults(Good));
        Assert.Equal(["subject"], Faults(Good with { Subject = new QuotaSubject() }));
        Assert.Equal(["subject.fleet"], Faults(Good with { Subject = new QuotaSubject { Tenant = "a", Fleet = true } }));
        Assert.Equal(["window"], Faults(Good with { Kind = "rate", Window = "day" }));
        Assert.Equal(["meter"], Faults(Good with { Kind = "rate", Meter = "pidsPeak" }));
        Assert.Equal(["meter"], Faults(Good with { Kind = "starved" }));
        Assert.Equal(["meter"], Faults(Good with { Meter = "cpuMicroseconds" }));
        Assert.Equal(["window"], Faults(Good with { Kind = "forecast", Window = "rolling 24h" }));
        Assert.Equal(["shortBurn"], Faults(Good with { Kind = "forecast", ShortBurn = "6h" }));
        Assert.Equal(["shortBurn"], Faults(Good with { ShortBurn = "2h" }));
        Assert.Equal(["for"], Faults(Good with { For = "10m" }));
        Assert.Equal(["hysteresis"], Faults(Good with { Hysteresis = 5 }));
        Assert.Equal(["thresholds"], Faults(Good with { Thresholds = [] }));
        Assert.Equal(["limit"], Faults(Good with { Limit = null }));
        Assert.Equal(["limit"], QuotaRules.Check("q", Good with { Plan = "gold/cpu" }, 5).Select(fault => fault.Field));
        Assert.Equal(["plan"], QuotaRules.Check("q", Good with { Limit = null, Plan = "gold/cpu" }, null).Select(fault => fault.Field));
    }

    [Fact]
    public void A_tenants_quota_holds_those_of_its_projects()
    {
        var tenant = new CompiledQuota(0, "tenant", Good, 100, DateTimeZone.Utc);
        var project = Good with { Subject = new QuotaSubject { Tenant = "acme", Project = "shop" } };

        Assert.Contains("holds", Assert.Single(QuotaRules.CheckHolder("shop", project, 101, [tenant])).Message);
        Assert.Empty(QuotaRules.CheckHolder("shop", project, 100, [tenant]));
        Assert.Empty(QuotaRules.CheckHolder("shop", project with { Window = "day" }, 101, [tenant]));
        Assert.Contains("'shop'", Assert.Single(QuotaRules.CheckHolder("tenant", Good, 99, [new CompiledQuota(0, "other", project, 100, DateTimeZone.Utc)])).Message);
    }

    private static IEnumerable<string> Faults(Quota quota) => QuotaRules.Check("q", quota, quota.Limit).Select(fault => fault.Field);
}
