using System.Diagnostics;
using System.Globalization;

namespace Metering.Benchmarks.Focus;

/// <summary>A month from the store to FOCUS rows, hour by hour and day by day, with and without the check of every rule; and how much memory it takes as the month grows.</summary>
internal sealed class FocusScenario : IScenario
{
    private const double Target = 100_000;

    /// <summary>"Flat": what is live grows by no more than this from the first rows to the last.</summary>
    private const double FlatMebibytes = 16;

    public string Name => "focus";

    public string Summary => "a month from the ledger to FOCUS rows, on SQLite or PostgreSQL; parts: hour, day, check, memory";

    public string Usage => "  --connection=TEXT  a PostgreSQL database to use, emptied before: Host=…;Username=…;Password=…;Database=…; default SQLite in a temporary directory\n  --workloads=N      default 1,000";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var workloads = int.Parse(options.Value("workloads") ?? (options.Quick ? "50" : "1000"), CultureInfo.InvariantCulture);
        var days = options.Quick ? 3 : 20;
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            var connection = options.Value("connection") ?? $"Data Source={Path.Combine(directory, "ledger.db")}";
            await using var month = await FocusMonth.CreateAsync(connection, workloads, days, options.Progress, cancel);
            var rounds = options.Quick ? 1 : options.Full ? 5 : 3;
            foreach (var (part, grain, check) in new[] { ("hour", "hour", false), ("day", "day", false), ("check", "hour", true) })
            {
                if (!options.Wants(part)) continue;
                options.Progress($"{part}: {rounds} rounds");
                var (rates, rows) = (new List<double>(), 0L);
                for (var round = 0; round < rounds; round++)
                {
                    var began = Stopwatch.GetTimestamp();
                    rows = await month.ExportAsync(grain, check, report, cancel);
                    rates.Add(rows / Stopwatch.GetElapsedTime(began).TotalSeconds);
                }

                report.Add($"{(check ? "hours, every rule checked" : grain + "s")}: rows exported", "rows/s", rates, check ? null : Target);
                report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{part}: {rows:#,0} rows"));
            }

            if (options.Wants("memory")) Memory(report, await month.ProbeAsync(cancel));
            report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{workloads:#,0} workloads of 20 tenants, {days} days, three graduated prices, all columns of 1.4; {(month.IsPostgres ? "PostgreSQL" : "SQLite")}"));
            return report;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void Memory(Report report, HeapProbe probe)
    {
        report.Add("live heap after the first MiB of output", "MiB", [probe.FirstMebibytes]);
        report.Add("live heap at its peak", "MiB", [probe.PeakMebibytes]);
        report.Add("what it grew by meanwhile", "MiB", [Math.Max(0, probe.PeakMebibytes - probe.FirstMebibytes)], FlatMebibytes, atMost: true);
        report.Add("resident memory of the process at its peak", "MiB", [Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0]);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"memory: {probe.Samples} full collections over {probe.Position / 1048576.0:#,0} MiB of output; the process also wrote and closed the month before"));
    }
}
