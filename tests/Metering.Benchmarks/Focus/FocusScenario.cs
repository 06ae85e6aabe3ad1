using System.Diagnostics;
using System.Globalization;
using Metering.EndToEnd.Servers;

namespace Metering.Benchmarks.Focus;

/// <summary>A month from the store to FOCUS rows, hour by hour and day by day, with and without the check of every rule; and how much memory it takes as the month grows.</summary>
internal sealed class FocusScenario : IScenario
{
    private const double Target = 100_000;

    /// <summary>"Flat": what is live grows by no more than this from the first rows to the last.</summary>
    private const double FlatMebibytes = 16;

    public string Name => "focus";

    public string Summary => "a month from the ledger to FOCUS rows, hour by hour, day by day and with every rule checked; parts: sqlite, postgres";

    public string Usage => "  --workloads=N      default 1,000";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var (workloads, days) = (int.Parse(options.Value("workloads") ?? (options.Quick ? "50" : "1000"), CultureInfo.InvariantCulture), options.Quick ? 3 : 20);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            if (options.Wants("sqlite")) await MeasureAsync("SQLite", $"Data Source={Path.Combine(directory, "ledger.db")}", workloads, days, report, options, cancel);
            if (options.Wants("postgres"))
            {
                await using var server = await PostgresServer.StartAsync(cancel);
                await MeasureAsync("PostgreSQL", await server.ConnectionStringAsync("focus", cancel), workloads, days, report, options, cancel);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{workloads:#,0} workloads of 20 tenants, {days} days, three graduated prices, all columns of 1.4"));
        return report;
    }

    private static async Task MeasureAsync(string name, string connection, int workloads, int days, Report report, RunOptions options, CancellationToken cancel)
    {
        await using var month = await FocusMonth.CreateAsync(connection, workloads, days, options.Progress, cancel);
        var rounds = options.Quick ? 1 : options.Full ? 5 : 3;
        foreach (var (grain, check) in new[] { ("hour", false), ("day", false), ("hour", true) })
        {
            options.Progress($"{name}, {grain}s{(check ? ", checked" : "")}: {rounds} rounds");
            var (rates, rows) = (new List<double>(), 0L);
            for (var round = 0; round < rounds; round++)
            {
                var began = Stopwatch.GetTimestamp();
                rows = await month.ExportAsync(grain, check, report, cancel);
                rates.Add(rows / Stopwatch.GetElapsedTime(began).TotalSeconds);
            }

            report.Add($"{name}: {(check ? "hours, every rule checked" : grain + "s")}: rows exported", "rows/s", rates, check ? null : Target);
            report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{name}, {grain}s{(check ? ", checked" : "")}: {rows:#,0} rows"));
        }

        Memory(name, report, await month.ProbeAsync(cancel));
    }

    private static void Memory(string name, Report report, HeapProbe probe)
    {
        report.Add($"{name}: live heap after the first MiB of output", "MiB", [probe.FirstMebibytes]);
        report.Add($"{name}: live heap at its peak", "MiB", [probe.PeakMebibytes]);
        report.Add($"{name}: what it grew by meanwhile", "MiB", [Math.Max(0, probe.PeakMebibytes - probe.FirstMebibytes)], FlatMebibytes, atMost: true);
        report.Add($"{name}: resident memory of the process at its peak", "MiB", [Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0]);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{name}, memory: {probe.Samples} full collections over {probe.Position / 1048576.0:#,0} MiB of output; the process also wrote and closed the month before"));
    }
}
