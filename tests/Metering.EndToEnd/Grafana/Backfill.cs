using System.Globalization;
using System.Text;
using Metering.EndToEnd.Servers;

namespace Metering.EndToEnd.Grafana;

/// <summary>Makes a past of a scrape: the same series each five minutes of a day, counters growing to what they are, gauges as they are. Written by <c>promtool</c>, read by a real Prometheus.</summary>
internal static class Backfill
{
    private const int Steps = 288;

    public static async Task WriteAsync(IEnumerable<(string Job, string OpenMetrics)> scrapes, DateTimeOffset until, string directory, CancellationToken cancel)
    {
        var text = new StringBuilder();
        foreach (var (job, scrape) in scrapes)
        {
            var (kind, samples) = ("", new List<(string Series, double Value)>());
            foreach (var line in scrape.Split('\n').Append("# TYPE end unknown"))
            {
                if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
                {
                    Write(text, kind, samples, until);
                    kind = line.Split(' ')[3];
                    samples.Clear();
                }
                else if (line.Length > 0 && line[0] != '#')
                {
                    var cut = line.LastIndexOf(' ');
                    var series = line[..cut];
                    var label = $"job=\"{job}\",instance=\"{job}:1\"";
                    var brace = series.IndexOf('{');
                    series = brace < 0 ? $"{series}{{{label}}}" : series.Insert(brace + 1, label + (series[brace + 1] == '}' ? "" : ","));
                    samples.Add((series, double.Parse(line.AsSpan(cut + 1), NumberStyles.Float, CultureInfo.InvariantCulture)));
                }
            }
        }

        var file = Path.Combine(directory, "past.txt");
        await File.WriteAllTextAsync(file, text.Append("# EOF\n").ToString(), cancel);
        await ChildProcess.RunAsync("/usr/bin/promtool", ["tsdb", "create-blocks-from", "--quiet", "openmetrics", file, Path.Combine(directory, "data")], TimeSpan.FromSeconds(60), cancel);
    }

    private static void Write(StringBuilder text, string kind, List<(string Series, double Value)> samples, DateTimeOffset until)
    {
        if (samples.Count == 0) return;

        // Without types: the two processes have families in common, and a family may be told once only.
        for (var step = 0; step < Steps; step++)
        {
            var at = until.AddMinutes(-5 * (Steps - step)).ToUnixTimeSeconds();
            foreach (var (series, value) in samples)
                text.Append(CultureInfo.InvariantCulture, $"{series} {(kind is "counter" or "histogram" ? value * (step + 1) / Steps : value):R} {at}\n");
        }
    }
}
