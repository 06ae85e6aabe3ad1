using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Metering.EndToEnd.Servers;
using Metering.Service.Rating;

namespace Metering.Benchmarks.Rating;

/// <summary>The same rows at the same prices per unit, rated by us and by CloudKitty's hashmap module (Debian's package), one after the other on one core, both from memory.</summary>
internal static class CloudKittyRates
{
    private const int Rows = 100_000;
    private const int Meters = 3;
    private const string Python = "/usr/bin/python3", Module = "/usr/lib/python3/dist-packages/cloudkitty/rating/hash/__init__.py", Remedy = "apt-get install --no-install-recommends python3-cloudkitty";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    public static async Task AddAsync(Report report, RunOptions options, Func<int, (double Seconds, Amount Total)> own, CancellationToken cancel)
    {
        if (!File.Exists(Module))
        {
            report.Notes.Add($"CloudKitty is not installed: {Remedy}");
            return;
        }

        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = 0; round < (options.Quick ? 1 : options.Full ? 9 : 3); round++)
        {
            options.Progress("beside CloudKitty");
            var (seconds, total) = own(Rows);
            var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
            try
            {
                var output = await ChildProcess.RunAsync(
                    Python, [Path.Combine(AppContext.BaseDirectory, "Rating/cloudkitty-rate.py"), directory, Rows.ToString(CultureInfo.InvariantCulture), RateScenario.Start.ToString(CultureInfo.InvariantCulture)], Limit, cancel);
                var answer = JsonSerializer.Deserialize<JsonElement>(output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Last(line => line.StartsWith('{')));
                ours.Add(Meters * Rows / seconds);
                theirs.Add(answer.GetProperty("points").GetInt32() / answer.GetProperty("seconds").GetDouble());
                if (round > 0) continue;

                // A quantity is rounded to a billionth of the unit here, and to 28 digits there.
                var other = decimal.Parse(answer.GetProperty("total").GetString()!, CultureInfo.InvariantCulture);
                report.Checks.Add(new Check("the same total as CloudKitty's to a ten-thousandth", Math.Abs(other - decimal.Round(total.ToDecimal(), 10)) < 0.0001m, $"{total} and {other} EUR"));
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }

        report.Add("prices per unit: quantities rated", "per CPU s", ours);
        report.Add("prices per unit: quantities rated by CloudKitty's hashmap", "per CPU s", theirs);
        report.Measures.Add(Measure.Ratio("times CloudKitty's", [.. ours], [.. theirs]));
    }
}
