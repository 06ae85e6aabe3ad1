using System.Text;
using Metering.Agent.Cgroups;
using Xunit;

namespace Metering.Tests.Cgroups;

public sealed class StatParserTests
{
    [Theory]
    [InlineData("usage_usec 757478221\nuser_usec 524512020\nsystem_usec 232966201\n", true, 757478221UL)]
    [InlineData("user_usec 1\nusage_usec 7\n", true, 7UL)]
    [InlineData("user_usec 1\nusage_usec 7", true, 7UL)]
    [InlineData("usage_usec 18446744073709551615\n", true, ulong.MaxValue)]
    [InlineData("usage_usec 18446744073709551616\n", false, 0UL)]
    [InlineData("usage_usec -1\n", false, 0UL)]
    [InlineData("usage_usec \n", false, 0UL)]
    [InlineData("usage_usec 12", false, 0UL)]
    [InlineData("usage_usecs 12\n", false, 0UL)]
    [InlineData("", false, 0UL)]
    public void Usage_is_found_or_unknown(string file, bool known, ulong expected)
    {
        // Without a line feed the last digit may be missing: the kernel always writes one after usage_usec.
        Assert.Equal(known, StatParser.TryUsage(Encoding.ASCII.GetBytes(file), out var value));
        if (known) Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0", true)]
    [InlineData("254:0 rbytes=1 wbytes=2 rios=3 wios=4", true)]
    [InlineData("8:0 cost.usage=12 rbytes=1 wbytes=2 rios=3 wios=4 cost.vrate=100.00", true)]
    [InlineData("252:0 ", false)]
    [InlineData("252:0", false)]
    [InlineData("(unknown) rbytes=1 wbytes=2 rios=3 wios=4", false)]
    [InlineData("8:0 rbytes=1 wbytes=2 rios=3", false)]
    [InlineData("8:0 rbytes=x wbytes=2 rios=3 wios=4", false)]
    [InlineData("8: rbytes=1 wbytes=2 rios=3 wios=4", false)]
    [InlineData("", false)]
    public void Io_lines_are_read_or_skipped(string line, bool known) => Assert.Equal(known, StatParser.TryIoLine(Encoding.ASCII.GetBytes(line), out _));

    [Fact]
    public void Io_line_gives_device_bytes_and_operations()
    {
        StatParser.TryIoLine("8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=9 dios=9"u8, out var reading);

        Assert.Equal(new IoReading((8UL << 32) | 16, 1, 2, 3, 4), reading);
    }

    [Theory]
    [InlineData("252:0 8:16 rbytes=1 wbytes=2 rios=3 wios=4")]
    [InlineData("252:0 252:1 8:16 rbytes=1 wbytes=2 rios=3 wios=4 7:0")]
    public void Figures_behind_devices_without_a_line_feed_are_those_of_the_last(string line)
    {
        Assert.True(StatParser.TryIoLine(Encoding.ASCII.GetBytes(line), out var reading));
        Assert.Equal(new IoReading((8UL << 32) | 16, 1, 2, 3, 4), reading);
    }

    [Theory]
    [InlineData("252:0 ", true)]
    [InlineData("252:0", true)]
    [InlineData("252:0 252:1 ", true)]
    [InlineData("8:0 cost.usage=12", true)]
    [InlineData("8:0 rbytes=1 wbytes=2 rios=3", false)]
    [InlineData("8:0 rios=x", false)]
    [InlineData("8: ", false)]
    [InlineData("words", false)]
    [InlineData("", false)]
    public void A_device_that_has_done_nothing_yet_is_no_trouble(string line, bool silent) => Assert.Equal(silent, StatParser.IsDeviceWithoutFigures(Encoding.ASCII.GetBytes(line)));

    [Theory]
    [InlineData("536870912\n", true, 536870912UL)]
    [InlineData("0", true, 0UL)]
    [InlineData("max\n", false, 0UL)]
    [InlineData("", false, 0UL)]
    [InlineData("12 13\n", false, 0UL)]
    public void A_number_file_has_a_number_or_is_unknown(string file, bool known, ulong expected)
    {
        Assert.Equal(known, StatParser.TryNumber(Encoding.ASCII.GetBytes(file), out var value));
        if (known) Assert.Equal(expected, value);
    }

    [Fact]
    public void Busy_time_leaves_out_idle_iowait_and_steal()
    {
        Assert.True(StatParser.TryBusyMicroseconds("cpu  10 20 30 4000 500 6 7 800 9 10\ncpu0 1 2 3\n"u8, out var microseconds));

        Assert.Equal((10UL + 20 + 30 + 6 + 7) * 10_000, microseconds);
    }

    [Fact]
    public void No_bytes_make_a_parser_throw()
    {
        var random = new Random(7);
        var alphabet = "usage_usec 0123456789:= \nrbytesmax-."u8.ToArray();
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[random.Next(60)];
            for (var j = 0; j < bytes.Length; j++) bytes[j] = random.Next(20) == 0 ? (byte)random.Next(256) : alphabet[random.Next(alphabet.Length)];
            StatParser.TryUsage(bytes, out _);
            StatParser.TryIoLine(bytes, out _);
            StatParser.TryNumber(bytes, out _);
            StatParser.TryBusyMicroseconds(bytes, out _);
        }
    }
}
