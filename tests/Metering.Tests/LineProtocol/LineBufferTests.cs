using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Metering.LineProtocol;
using Metering.Safety;
using Xunit;

namespace Metering.Tests.LineProtocol;

public sealed class LineBufferTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a b,c=d", @"a\ b\,c\=d")]
    [InlineData(@"a\x2db", @"a\x2db")]
    [InlineData("ends\\", "ends＼")]
    [InlineData(@"a\,b", @"a＼\,b")]
    [InlineData(@"a\\b", @"a＼\b")]
    [InlineData("two\nlines\r\t", "two␊lines␍␉")]
    [InlineData("\"quoted\"", "\"quoted\"")]
    [InlineData("naïve 😀", @"naïve\ 😀")]
    [InlineData("# no comment", @"#\ no\ comment")]
    public void A_tag_value_is_escaped_as_the_format_says(string value, string written)
    {
        var lines = new LineBuffer();
        lines.Begin("m");
        lines.Tag("t", value);
        lines.Field("f", 1L);
        Assert.True(lines.End(5));

        Assert.Equal($"m,t={written} f=1i 5\n", Encoding.UTF8.GetString(lines.Lines(0, 1).Span));
    }

    [Fact]
    public void A_line_has_tags_fields_and_a_time()
    {
        var lines = new LineBuffer();
        lines.Begin("metering_usage");
        lines.Tag("host", "h1");
        lines.Tag("project", "");
        lines.Tag("tenant", "a b");
        lines.Field("cpu_us", long.MaxValue);
        lines.Field("cpus", 0.5);
        lines.Field("none", double.NaN);
        lines.Field("less", -3L);
        lines.End(1_790_000_000_000_000_007);

        Assert.Equal("metering_usage,host=h1,tenant=a\\ b cpu_us=9223372036854775807i,cpus=0.5,less=-3i 1790000000000000007", lines.Text(0));
    }

    [Fact]
    public void A_line_without_a_field_is_no_point()
    {
        var lines = new LineBuffer();
        lines.Begin("m");
        lines.Tag("t", "v");
        lines.Field("f", double.PositiveInfinity);

        Assert.False(lines.End(1));
        Assert.Equal(0, lines.Count);
    }

    [Fact]
    public void Tags_come_in_order_and_before_fields()
    {
        var lines = new LineBuffer();
        lines.Begin("m");
        lines.Tag("b", "1");
        Assert.Throws<InvariantException>(() => lines.Tag("a", "1"));
        lines.Field("f", 1L);
        Assert.Throws<InvariantException>(() => lines.Tag("c", "1"));
    }

    [Fact]
    public void Whatever_a_name_holds_the_line_reads_back_as_it_was_meant()
    {
        var nasty = Gen.Elements('\\', ',', ' ', '=', '"', '\n', '\r', '\t', '\0', '#', '_', 'a', 'ü', '\ud83d', '\ude00', '\u2028', '\u007f');
        var text = Gen.ArrayOf(Gen.Frequency((4, nasty), (1, Gen.Choose(0, char.MaxValue).Select(c => (char)c)))).Select(characters => new string(characters));
        var lines = new LineBuffer();
        Prop.ForAll(Arb.From(Gen.Three(text)), three =>
        {
            lines.Clear();
            lines.Begin("m");
            lines.Tag("a", three.Item1);
            lines.Tag("b", three.Item2);
            lines.Tag("c", three.Item3);
            lines.Field("f", 7L);
            lines.End(9);
            lines.Begin("next");
            lines.Field("f", 0.25);
            lines.End(10);

            var texts = Encoding.UTF8.GetString(lines.Lines(0, 2).Span).Split('\n');
            var (line, next) = (LineParser.Parse(texts[0]), LineParser.Parse(texts[1]));
            var expected = new[] { ("a", three.Item1), ("b", three.Item2), ("c", three.Item3) }.Where(tag => tag.Item2.Length > 0).Select(tag => (tag.Item1, LineText.Stored(tag.Item2)));
            return texts is [_, _, ""] && line.Measurement == "m" && line.Tags.Select(tag => (tag.Key, tag.Value)).SequenceEqual(expected) && line.Fields["f"] is 7L && line.Time == 9 && next.Fields["f"] is 0.25;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Fact]
    public void Names_that_differ_stay_different()
    {
        string[] names = ["a\nb", "a\tb", "a b", "a\\b", "a\\", "a", "a\\\\b", "a,b", "a=b", "a\\,b", "a\\=b"];

        Assert.Equal(names.Length, names.Select(LineText.Stored).Distinct().Count());
    }
}
