using System.Security.Cryptography;
using System.Text;
using Metering.Service.Billing;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>Charges that are packed are the same ones when they are taken out, in the order in which they are issued.</summary>
public sealed class ChargeListTests
{
    private static readonly ChargeHeading Heading = new("2026-10", "2026-10", "t", "cpuSeconds in Core-Hours", "b", 1, 0, null, "EUR", "Core-Hours", 500_000_000);

    [Fact]
    public void What_is_added_is_read_back_whatever_its_size()
    {
        ChargeEntry[] charges = [.. Odd(), .. Many(20_000)];
        var list = new ChargeList();
        foreach (var charge in charges) list.Add(charge);

        Assert.Equal(charges, list);
        Assert.Equal(charges.Select(one => one.Canonical), list.Select(one => one.Canonical));
        Assert.Equal((charges.Length, charges[3]), (list.Count, list[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => list[charges.Length]);
    }

    [Fact]
    public void They_are_numbered_in_the_order_of_issue_however_they_came()
    {
        ChargeEntry[] charges = [.. Odd(), .. Many(20_000)];
        var expected = charges.Order(ChargeOrder.Instance).Select((one, i) => one with { N = 41 + i }).ToList();
        new Random(7).Shuffle(charges);
        var list = new ChargeList();
        foreach (var charge in charges) list.Add(charge);

        list.SortAndNumber(41);

        Assert.Equal(expected.Select(one => one.Canonical), list.Select(one => one.Canonical));
        Assert.Equal((41L, 41L + charges.Length - 1), (list[0].N, list[^1].N));
        Assert.Throws<InvalidOperationException>(() => list.Add(charges[0]));
    }

    [Fact]
    public void The_hash_is_over_the_canonical_lines_however_long_they_are()
    {
        ChargeEntry[] charges = [.. Odd(), new ChargeEntry(Heading with { Sku = new string('ü', 5_000) }, "2026-10-01", 1, 1, 1, 0, 3600)];
        using var hash = new ChargeHash();
        foreach (var charge in charges) hash.Add(charge);

        Assert.Equal(charges.Length, hash.Count);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(charges.Select(one => one.Canonical))))), hash.End());
        Assert.Equal(
            "17\t2026-10\tt\t2026-10-02\t9\tcpuSeconds in Core-Hours\tb\t1\t0\t\tEUR\tCore-Hours\t500000000\t-170141183460469231731687303715884105728\t170141183460469231731687303715884105727\t-3\t4\t7\t9000000000\tusage\t\n",
            charges[3].Canonical);
    }

    private static ChargeEntry[] Odd() =>
    [
        new(Heading, "2026-10-02", 9, 5, 6, 0, 3600),
        new(Heading, "2026-10-02", 9, 5, 6, 0, 3600) { Reserved = 12 },
        new(Heading with { TermsFrom = 3, Tier = 2, Kind = "allocation", Cause = "void 000017" }, "2026-10-02", 0, -5, 0, 3600, 7200) { Used = 0 },
        new(Heading, "2026-10-02", 9, Int128.MinValue, Int128.MaxValue, 7, 9_000_000_000) { N = 17, Used = -3, Reserved = 4 },
        new(Heading, "2026-10-02", 9, long.MinValue, (Int128)long.MaxValue + 1, 7, 3600) { N = 8 },
    ];

    private static IEnumerable<ChargeEntry> Many(int count)
    {
        ChargeHeading[] headings = [Heading, Heading with { Tenant = "a" }, Heading with { Origin = "2026-09" }, Heading with { Sku = "memory" }, Heading with { Tier = 1 }, Heading with { Currency = "CHF" }];
        for (var i = 0; i < count; i++) yield return new ChargeEntry(headings[i % headings.Length], string.Create(System.Globalization.CultureInfo.InvariantCulture, $"2026-10-{i % 31 + 1:00}"), i % 500, i * 1_000_003L, -i, i % 7 * 3600L, (i % 7 + 1) * 3600L);
    }
}
