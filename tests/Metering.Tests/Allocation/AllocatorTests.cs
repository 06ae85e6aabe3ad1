using FsCheck;
using FsCheck.Fluent;
using Metering.Service.Allocation;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Xunit;

namespace Metering.Tests.Allocation;

public sealed class AllocatorTests
{
    public static TheoryData<string> Names => [.. AllocationTable.Read().Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Shares_are_as_the_table_says(string name)
    {
        var one = AllocationTable.Read().Single(one => one.Name == name);

        Assert.Equal(string.Join('\n', one.Expected), string.Join('\n', one.Run()));
    }

    [Fact]
    public void All_rows_add_up_to_what_hosts_and_overhead_cost_and_what_is_distributed_nets_to_zero() => Check(random =>
    {
        var (version, hosts, uses) = Any(random);
        var rows = Allocator.Split(version, 7200, 10_800, hosts, uses);
        var cost = hosts.Aggregate(ExactSplit.Over(version.OverheadPerHour, 1, 7200, 10_800), (sum, host) => sum + ExactSplit.Over(host.Rate.PerHour, 1, 7200, 10_800));
        Assert.Equal(cost, Sum(rows, _ => true));

        // Each host on its own, and each pair of rows.
        foreach (var (host, rate) in hosts) Assert.Equal(ExactSplit.Over(rate.PerHour, 1, 7200, 10_800), Sum(rows, row => row.Host == host));
        foreach (var (part, out_) in new[] { (AllocationPart.Idle, AllocationPart.IdleDistributed), (AllocationPart.Overhead, AllocationPart.OverheadDistributed), (AllocationPart.Shared, AllocationPart.SharedDistributed) })
            Assert.Equal(Int128.Zero, Sum(rows, row => row.Part == out_) + Sum(rows, row => row.Part == part && row.Tenant is not (Allocator.Idle or Allocator.Overhead)));
    });

    [Fact]
    public void The_order_of_rows_and_hosts_changes_nothing() => Check(random =>
    {
        var (version, hosts, uses) = Any(random);
        var shuffled = uses.OrderBy(_ => random.Next()).ToList();

        Assert.Equal(Allocator.Split(version, 0, 3600, hosts, uses), Allocator.Split(version, 0, 3600, hosts.AsEnumerable().Reverse(), shuffled));
    });

    [Fact]
    public void However_a_time_is_cut_a_rate_costs_the_same() => Check(random =>
    {
        var rate = (Int128)random.NextInt64(1, 1_000_000_000_000_000);
        var end = 900L * random.Next(1, 3_000_000);
        Int128 sum = 0;
        for (var at = 0L; at < end;)
        {
            var next = Math.Min(end, at + 900L * random.Next(1, 200_000));
            (sum, at) = (sum + ExactSplit.Over(rate, 7, at, next), next);
        }

        Assert.Equal(ExactSplit.Over(rate, 7, 0, end), sum);
    });

    [Fact]
    public void Who_used_nothing_pays_nothing_for_it_and_who_used_more_pays_no_less() => Check(random =>
    {
        var (version, hosts, uses) = Any(random);
        foreach (var row in Allocator.Split(version, 0, 3600, hosts, uses).Where(row => row.Part is AllocationPart.Cpu or AllocationPart.Memory))
        {
            Assert.True(row.Base > 0);
            Assert.True(row.Nano >= 0);
        }
    });

    [Theory]
    [InlineData("currency", "EURO")]
    [InlineData("basis", "most")]
    [InlineData("idle", "half")]
    [InlineData("weights", "")]
    [InlineData("overlap", "")]
    [InlineData("tenant", "")]
    [InlineData("rate", "")]
    public void What_is_wrong_is_refused(string what, string text)
    {
        var version = new AllocationVersion { Currency = "EUR", Hosts = [new HostRate { PerHour = 1 }] };
        version = what switch
        {
            "currency" => version with { Currency = text },
            "basis" => version with { Basis = text },
            "idle" => version with { Idle = text },
            "weights" => version with { Idle = "weights" },
            "tenant" => version with { Shared = ["nobody"] },
            "rate" => version with { Hosts = [new HostRate { PerHour = 0.0000000001m, Cores = 0, CpuShare = 2, MemoryBytes = -1, Match = new PriceSelector { Kind = "docker" } }] },
            _ => version,
        };
        var document = new AllocationDocument { Versions = what == "overlap" ? [version, version] : [version] };

        var faults = AllocationRules.Check(document, new LedgerGrain(3600), new HashSet<string>());

        Assert.Equal(what == "rate" ? 5 : 1, faults.Count);
    }

    private static Int128 Sum(IEnumerable<Allocated> rows, Func<Allocated, bool> which) => rows.Where(which).Aggregate(Int128.Zero, (sum, row) => sum + row.Nano);

    private static void Check(Action<Random> law) => Prop.ForAll<int>(seed => law(new Random(seed))).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    private static (AllocationBook.Version Version, List<(string Host, AllocationBook.Rate Rate)> Hosts, List<HostUse> Uses) Any(Random random)
    {
        string[] splits = ["proportional", "even", "weights", "keep"], tenants = ["a", "b", "c", "platform", "tools"];
        var given = new AllocationVersion
        {
            Currency = "EUR",
            Hosts = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => new HostRate
            {
                PerHour = random.Next(0, 1_000_000) / 1000m, CpuShare = random.Next(0, 1001) / 1000m, Cores = random.Next(3) == 0 ? null : random.Next(1, 8), MemoryBytes = random.Next(3) == 0 ? null : random.NextInt64(1, 1L << 36),
            })],
            Overhead = random.Next(2) == 0 ? [] : [new OverheadCost { Name = "x", PerHour = random.Next(1, 1_000_000_000) / 1_000_000_000m }],
            Idle = splits[random.Next(4)],
            OverheadSplit = splits[random.Next(4)],
            SharedSplit = splits[random.Next(4)],
            Shared = random.Next(2) == 0 ? [] : ["platform", "tools"],
            Weights = new Dictionary<string, decimal> { ["a"] = random.Next(0, 5), ["b"] = 1, ["platform"] = 2 },
        };
        var version = new AllocationBook(new AllocationDocument { Versions = [given] }).At(0)!;
        var hosts = version.Rates.Select((rate, i) => ($"h{i}", rate)).ToList();
        var uses = Enumerable.Range(1, random.Next(0, 12)).Select(i => new HostUse($"h{random.Next(hosts.Count)}", tenants[random.Next(tenants.Length)], i, random.NextInt64(0, 30_000_000_000), random.NextInt64(0, 1L << 48))).ToList();
        return (version, hosts, uses);
    }
}
