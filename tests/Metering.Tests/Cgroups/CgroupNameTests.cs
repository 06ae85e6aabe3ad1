using System.Text;
using Metering.Agent.Cgroups;
using Xunit;

namespace Metering.Tests.Cgroups;

public sealed class CgroupNameTests
{
    [Fact]
    public void Any_bytes_survive_the_way_in_and_out()
    {
        var random = new Random(3);
        for (var i = 0; i < 5_000; i++)
        {
            var bytes = new byte[random.Next(1, 255)];
            random.NextBytes(bytes);
            for (var j = 0; j < bytes.Length; j++) if (bytes[j] == 0) bytes[j] = 1;

            var back = CgroupName.EncodeTerminated(CgroupName.Decode(bytes));

            Assert.Equal(bytes, back[..^1]);
            Assert.Equal(0, back[^1]);
            var shown = CgroupName.Display(CgroupName.Decode(bytes));
            Assert.Equal(shown, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(shown)));
            Assert.DoesNotContain(shown, char.IsControl);
        }
    }

    [Theory]
    [InlineData("plain.service", "plain.service")]
    [InlineData("ü-名", "ü-名")]
    [InlineData(@"a\x2db", @"a\x2db")]
    [InlineData("a\tb\u001b[31m", @"a\x09b\x1b[31m")]
    public void What_is_shown_is_inert(string name, string shown) => Assert.Equal(shown, CgroupName.Display(name));

    [Fact]
    public void Invalid_utf8_is_shown_as_bytes() => Assert.Equal(@"a\xff\xfeb", CgroupName.Display(CgroupName.Decode([(byte)'a', 0xFF, 0xFE, (byte)'b'])));
}
