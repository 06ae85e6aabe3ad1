using System.Text;
using Metering.Agent.Cgroups;
using Xunit;

namespace Metering.Tests.Cgroups;

/// <summary>Hostile contents of the slow files: what is malformed is unknown, never zero and never fatal.</summary>
public sealed class SlowParserTests
{
    [Theory]
    [InlineData("200000 100000\n", true, 2_000_000UL)]
    [InlineData("50000 100000", true, 500_000UL)]
    [InlineData("max 100000\n", true, ulong.MaxValue)]
    [InlineData("max\n", false, 0UL)]
    [InlineData("100000 0\n", false, 0UL)]
    [InlineData("-1 100000\n", false, 0UL)]
    [InlineData("18446744073709551615 1\n", false, 0UL)]
    [InlineData("1 2 3\n", false, 0UL)]
    [InlineData("", false, 0UL)]
    public void Cpu_max_is_a_share_of_processors(string file, bool known, ulong expected)
    {
        Assert.Equal(known, SlowParser.TryCpuMax(Bytes(file), out var value));
        if (known) Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("0-3,8\n", true, 5_000_000UL)]
    [InlineData("0\n", true, 1_000_000UL)]
    [InlineData("0-1", true, 2_000_000UL)]
    [InlineData("\n", false, 0UL)]
    [InlineData("3-0\n", false, 0UL)]
    [InlineData("0-\n", false, 0UL)]
    [InlineData("0,\n", false, 0UL)]
    [InlineData("0-4294967295\n", false, 0UL)]
    [InlineData("a\n", false, 0UL)]
    public void Processors_of_a_list_are_counted(string file, bool known, ulong expected)
    {
        Assert.Equal(known, SlowParser.TryProcessors(Bytes(file), out var value));
        if (known) Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("some avg10=0.00 avg60=0.00 avg300=0.00 total=306212315\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", true, 306212315UL)]
    [InlineData("full avg10=0.00 avg60=0.00 avg300=0.00 total=7\nsome avg10=1.00 total=9", true, 9UL)]
    [InlineData("full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", false, 0UL)]
    [InlineData("some avg10=0.00 avg60=0.00 avg300=0.00 total=\n", false, 0UL)]
    [InlineData("some avg10=0.00 avg60=0.00 avg300=0.00 tot", false, 0UL)]
    [InlineData("some total=-4\n", false, 0UL)]
    [InlineData("", false, 0UL)]
    public void Pressure_is_the_total_of_some(string file, bool known, ulong expected)
    {
        Assert.Equal(known, SlowParser.TryPressure(Bytes(file), out var value));
        if (known) Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("low 0\nhigh 0\nmax 3\noom 1\noom_kill 4\noom_group_kill 0\n", true, 4UL)]
    [InlineData("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", true, 2UL)]
    [InlineData("low 0\nhigh 0\nmax 3\noom 1\n", false, 0UL)]
    [InlineData("oom_kill\n", false, 0UL)]
    [InlineData("oom_kill x\n", false, 0UL)]
    public void Kills_are_found_by_key(string file, bool known, ulong expected)
    {
        Assert.Equal(known, SlowParser.TryOomKills(Bytes(file), out var value));
        if (known) Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("usage_usec 1\nnr_throttled 2\nthrottled_usec 88123\nnr_bursts 0\n", true, 88123UL)]
    [InlineData("usage_usec 1\nuser_usec 1\n", false, 0UL)]
    [InlineData("usage_usec 1\nthrottled_usec \n", false, 0UL)]
    [InlineData("usage_usec 1\nthrottled_usec 1x\n", false, 0UL)]
    public void Throttled_time_is_there_with_the_cpu_controller_only(string file, bool known, ulong expected)
    {
        Assert.Equal(known, StatParser.TryThrottled(Bytes(file), out var value));
        if (known) Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("max\n", true, ulong.MaxValue)]
    [InlineData("2147483648\n", true, 2147483648UL)]
    [InlineData("maximum\n", false, 0UL)]
    [InlineData("-1\n", false, 0UL)]
    public void A_limit_is_a_number_or_none(string file, bool known, ulong expected)
    {
        Assert.Equal(known, SlowParser.TryLimit(Bytes(file), out var value));
        if (known) Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("842\n843\n", true, 842)]
    [InlineData("0\n0\n17\n", true, 17)]
    [InlineData("0\n", false, 0)]
    [InlineData("", false, 0)]
    [InlineData("99999999999999\n", false, 0)]
    public void A_member_is_a_process_that_can_be_seen(string file, bool known, int expected)
    {
        Assert.Equal(known, SlowParser.TryFirstProcess(Bytes(file), out var process));
        Assert.Equal(known ? expected : 0, process);
    }

    [Theory]
    [InlineData("  eth0: 669255262   26089    0    0    0     0          0         0  1589153   19087    0    0    0     0       0          0", true, false, 669255262UL, 1589153UL)]
    [InlineData("eth0:1 2 3 4 5 6 7 8 9 10", true, false, 1UL, 9UL)]
    [InlineData("    lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0", false, false, 0UL, 0UL)]
    [InlineData("Inter-|   Receive                                                |  Transmit", false, false, 0UL, 0UL)]
    [InlineData("", false, false, 0UL, 0UL)]
    [InlineData("  eth0: 5 1 0 0", false, true, 0UL, 0UL)]
    [InlineData("  eth0: -5 1 0 0 0 0 0 0 5 1", false, true, 0UL, 0UL)]
    [InlineData("eth0", false, true, 0UL, 0UL)]
    public void An_interface_is_its_bytes_in_both_directions(string line, bool known, bool malformed, ulong received, ulong sent)
    {
        Assert.Equal(known, NetworkParser.TryInterface(Bytes(line), out var reading, out var bad));
        Assert.Equal((malformed, received, sent), (bad, reading.ReceivedBytes, reading.SentBytes));
    }

    [Fact]
    public void An_interface_has_the_number_that_igmp_gives_it()
    {
        NetworkParser.TryInterface("eth0: 1 2 3 4 5 6 7 8 9 10"u8, out var reading, out _);

        Assert.Equal(7u, NetworkParser.IndexOf(reading.Name, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n7\teth0      :     1      V3\n"u8));
        Assert.Equal(0u, NetworkParser.IndexOf(reading.Name, "7\teth01      :     1      V3\n7"u8));
    }

    [Theory]
    [InlineData("hugepages-2048kB", "2MB")]
    [InlineData("hugepages-1048576kB", "1GB")]
    [InlineData("hugepages-64kB", "64KB")]
    [InlineData("hugepages-kB", "")]
    [InlineData("hugepages-0kB", "")]
    [InlineData("other", "")]
    public void Sizes_of_huge_pages_are_named_as_the_cgroup_files_name_them(string directory, string expected)
    {
        Assert.Equal(expected.Length > 0, HugePageSize.TryName(directory, out var name));
        Assert.Equal(expected, name);
    }

    [Fact]
    public void No_bytes_make_a_parser_throw()
    {
        var random = new Random(11);
        var alphabet = "some total=maxoom_kill 0123456789:-,\n\t|"u8.ToArray();
        FileParser[] parsers = [SlowParser.TryNumber, SlowParser.TryLimit, SlowParser.TryCpuMax, SlowParser.TryProcessors, SlowParser.TryPressure, SlowParser.TryOomKills, SlowParser.TryFrozen, StatParser.TryThrottled];
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[random.Next(60)];
            for (var j = 0; j < bytes.Length; j++) bytes[j] = random.Next(20) == 0 ? (byte)random.Next(256) : alphabet[random.Next(alphabet.Length)];
            foreach (var parser in parsers) parser(bytes, out _);
            SlowParser.TryFirstProcess(bytes, out _);
            NetworkParser.TryInterface(bytes, out _, out _);
            NetworkParser.IndexOf(1, bytes);
        }
    }

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);
}
