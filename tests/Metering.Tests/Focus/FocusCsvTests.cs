using System.IO.Pipelines;
using System.Text;
using Metering.Service.Focus;
using Metering.Service.Rating;
using Xunit;

namespace Metering.Tests.Focus;

public sealed class FocusCsvTests
{
    [Fact]
    public void Numbers_are_written_as_amounts_are_and_read_as_they_were()
    {
        var random = new Random(4711);
        Span<byte> text = stackalloc byte[64];
        for (var i = 0; i < 20_000; i++)
        {
            var units = (Int128)random.NextInt64() * (random.Next(3) == 0 ? random.NextInt64(1, 1_000_000_000) : 1) * (random.Next(2) == 0 ? 1 : -1) / (random.Next(4) == 0 ? 1_000_000_007 : 1);
            if (random.Next(10) == 0) units = units / 1_000_000_000_000 * 1_000_000_000_000;
            var length = FocusCsv.Format(text, units, Amount.Places);

            Assert.Equal(new Amount(units).ToString(), Encoding.UTF8.GetString(text[..length]));
            Assert.True(FocusNumber.TryParse(text[..length], out var read));
            Assert.Equal(units, read.AtNineteen);
        }
    }

    [Theory]
    [InlineData("0", true)]
    [InlineData("-12.50", true)]
    [InlineData("0.0000000000000000001", true)]
    [InlineData("", false)]
    [InlineData("+1", false)]
    [InlineData("1e5", false)]
    [InlineData("1,000", false)]
    [InlineData(".5", false)]
    [InlineData("5.", false)]
    [InlineData("1.2.3", false)]
    [InlineData("-", false)]
    [InlineData("12 EUR", false)]
    public void Only_plain_numbers_are_numbers(string text, bool isNumber) => Assert.Equal(isNumber, FocusNumber.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Theory]
    [InlineData("6", "2", "3", true)]
    [InlineData("6.0", "2", "3", true)]
    [InlineData("0.0436239267", "0.03", "1.45413089", true)]
    [InlineData("0.0436239268", "0.03", "1.45413089", false)]
    [InlineData("12345678901234567.1234567890123456789", "12345678901234567.1234567890123456789", "1", true)]
    [InlineData("121932631112635269", "123456789.123456789", "987654321.987654321", false)]
    [InlineData("121932631356500531.347203169112635269", "123456789.123456789", "987654321.987654321", true)]
    public void A_product_is_exact_to_the_last_digit(string product, string a, string b, bool holds) => Assert.Equal(holds, Number(product).IsProduct(Number(a), Number(b)));

    [Theory]
    [InlineData("Core-Hours", true)]
    [InlineData("GiB", true)]
    [InlineData("1000 Operations", true)]
    [InlineData("Requests/Day", true)]
    [InlineData("1000 1000 Operations", false)]
    [InlineData("core hours", false)]
    [InlineData("Core-hours", false)]
    public void Units_follow_the_grammar(string unit, bool isUnit) => Assert.Equal(isUnit, FocusFormats.IsUnit(unit));

    [Theory]
    [InlineData("1000 Thousand-Operations", "1000000 Operations")]
    [InlineData("Million-Operations", "1000000 Operations")]
    [InlineData("0.5 Core-Hours", "0.5 Core-Hours")]
    [InlineData("GiB-Hours", "GiB-Hours")]
    public void Pricing_units_are_written_in_the_words_of_the_specification(string unit, string written) => Assert.Equal(written, FocusSku.UnitName(unit));

    [Theory]
    [InlineData("2026-02-28T23:59:59Z", true)]
    [InlineData("2026-02-29T00:00:00Z", false)]
    [InlineData("2026-13-01T00:00:00Z", false)]
    [InlineData("2026-10-01T24:00:00Z", false)]
    [InlineData("2026-10-01T00:00:00.000Z", false)]
    [InlineData("2026-10-01 00:00:00Z", false)]
    public void Only_instants_in_the_one_form_are_instants(string text, bool isTime) => Assert.Equal(isTime, FocusFormats.TryTime(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public async Task What_is_written_is_read_however_it_is_cut()
    {
        string[] texts = ["plain", "comma, and \"quotes\"", "line\r\nbreak", "=1+1", "ümläut ✓", "", "'", "\""];
        var memory = new MemoryStream();
        var pipe = PipeWriter.Create(memory);
        var csv = new FocusCsv(pipe);
        for (var row = 0; row < 3; row++)
        {
            foreach (var text in texts) csv.Text(text);
            csv.Time(1_790_812_800 + row * 3600L);
            csv.Number(-12_345, 4);
            csv.Null();
            csv.EndRow();
        }

        await csv.FlushAsync(TestContext.Current.CancellationToken);
        await pipe.FlushAsync(TestContext.Current.CancellationToken);
        var bytes = memory.ToArray();
        for (var cut = 1; cut < 40; cut++)
        {
            var rows = new List<string[]>();
            var reader = new FocusCsvReader(cells => rows.Add([.. Enumerable.Range(0, cells.Count).Select(i => Encoding.UTF8.GetString(cells[i]))]));
            for (var at = 0; at < bytes.Length; at += cut) reader.Push(bytes.AsSpan(at, Math.Min(cut, bytes.Length - at)));
            reader.End();

            Assert.Equal(3, rows.Count);
            Assert.Equal([.. texts, "2026-10-01T01:00:00Z", "-1.2345", ""], rows[1]);
        }
    }

    [Theory]
    [InlineData("a,b\r\n1,\"2")]
    [InlineData("a,b\r\n1,\"2\"3\r\n")]
    [InlineData("a,b\r\n1,2\"3\r\n")]
    public void What_is_no_csv_is_said_to_be_none(string text) => Assert.Throws<FormatException>(() =>
    {
        var reader = new FocusCsvReader(_ => { });
        reader.Push(Encoding.UTF8.GetBytes(text));
        reader.End();
    });

    private static FocusNumber Number(string text) => FocusNumber.TryParse(Encoding.UTF8.GetBytes(text), out var number) ? number : throw new FormatException(text);
}
