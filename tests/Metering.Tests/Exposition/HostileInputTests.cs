using System.Diagnostics.Metrics;
using System.Text;
using Metering.Exposition;
using Xunit;

namespace Metering.Tests.Exposition;

public sealed class HostileInputTests
{
    private static readonly string[] Fragments =
    [
        "", "a", "\n", "\r\n", "\"", "\\", "\\n", "{", "}", ",", "=", " ", "#", "# EOF\n", "\0", "\u0001", "\t", "\u007F", "\uFEFF", "\u2028",
        "\uD800", "\uDC00", "\U0001F600", "é", "x_total", "le", "__name__", "0", "a.b-c",
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whatever_names_and_labels_are_the_exposition_is_valid(int seed)
    {
        var random = new Random(seed);
        var prefix = $"Metering.T.Hostile{seed}";
        using var collector = Scrape.Collector(prefix, maxSeries: 50);
        using var meter = new Meter(prefix);
        for (var i = 0; i < 200; i++)
        {
            var name = Text(random, 1, 4);
            var unit = random.Next(3) == 0 ? Text(random, 0, 2) : null;
            var help = random.Next(3) == 0 ? Text(random, 0, 5) : null;
            var labels = Enumerable.Range(0, random.Next(40)).Select(_ => new KeyValuePair<string, object?>(Text(random, 0, 3), Text(random, 0, 3))).ToArray();
            var value = random.NextDouble() * Math.Pow(10, random.Next(-30, 30));
            switch (random.Next(5))
            {
                case 0: meter.CreateCounter<double>(name, unit, help).Add(value, labels); break;
                case 1: meter.CreateUpDownCounter<long>(name, unit, help).Add(random.NextInt64(), labels); break;
                case 2: meter.CreateGauge<double>(name, unit, help).Record(-value, labels); break;
                case 3: meter.CreateObservableGauge(name, () => new Measurement<double>(value, labels), unit, help); break;
                // The parser tells bounds from other labels by a simple rule, so histograms get no labels here.
                default: meter.CreateHistogram<double>(name, unit, help).Record(value); break;
            }
        }

        foreach (var format in Enum.GetValues<ExpositionFormat>()) Assert.True(collector.Parse(format).Samples.Count > 50);
    }

    [Fact]
    public void Label_values_come_back_as_they_went_in_where_they_can()
    {
        using var collector = Scrape.Collector("Metering.T.Values");
        using var meter = new Meter("Metering.T.Values");
        var counter = meter.CreateCounter<long>("v_total");
        foreach (var value in new[] { "line\nbreak", "quo\"te", "back\\slash", "\\n", "😀", "tab\t", "}", "a,b=\"c\"" }) counter.Add(1, new KeyValuePair<string, object?>("v", value));

        foreach (var format in Enum.GetValues<ExpositionFormat>())
        {
            var samples = collector.Parse(format).Samples;
            foreach (var value in new[] { "line\nbreak", "quo\"te", "back\\slash", "\\n", "😀", "tab\t", "}", "a,b=\"c\"" }) Assert.Equal(1, samples[$"v_total{{v=\"{value}\"}}"]);
        }
    }

    [Fact]
    public void Values_that_cannot_be_told_apart_when_written_are_one_series()
    {
        using var collector = Scrape.Collector("Metering.T.Alike");
        using var meter = new Meter("Metering.T.Alike");
        var counter = meter.CreateCounter<long>("alike_total");
        var half = "😀"[..1];
        foreach (var value in new[] { half, "\uDC00", "\0", "\r", "\uFFFD" }) counter.Add(1, new KeyValuePair<string, object?>("v", value));
        counter.Add(1, new KeyValuePair<string, object?>("v", new string('x', 10_000)));
        counter.Add(1, new KeyValuePair<string, object?>("v", new string('x', 9_000)));
        counter.Add(1, new KeyValuePair<string, object?>("v", null));
        counter.Add(1);

        var samples = collector.Parse(ExpositionFormat.OpenMetrics).Samples.Where(sample => sample.Key.StartsWith("alike")).ToDictionary();
        Assert.Equal(5, samples["alike_total{v=\"\uFFFD\"}"]);
        Assert.Equal(2, samples["alike_total{}"]);
        Assert.Equal(2, samples[$"alike_total{{v=\"{new string('x', LabelText.MaxValueLength)}…\"}}"]);
        Assert.Equal(3, samples.Count);
    }

    [Fact]
    public void Half_a_surrogate_pair_left_by_the_length_limit_is_replaced()
    {
        using var text = new LabelText();
        text.Add("v", new string('x', LabelText.MaxValueLength - 1) + "😀");

        Assert.Equal($"v=\"{new string('x', LabelText.MaxValueLength - 1)}\uFFFD…\"", text.Build().ToString());
    }

    private static string Text(Random random, int min, int max)
    {
        var text = new StringBuilder();
        for (var i = random.Next(min, max + 1); i > 0; i--) text.Append(random.Next(60) == 0 ? new string('y', 10_000) : Fragments[random.Next(Fragments.Length)]);
        return text.ToString();
    }
}
