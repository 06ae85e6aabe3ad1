using System.Diagnostics;
using Metering.Agent;
using Metering.Benchmarks.Passes;
using Metering.Benchmarks.Peers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Storm;

/// <summary>The agent beside cgroups that are made and removed at 1,000 a second: what following them costs, and whether directories are listed in full for it.</summary>
internal sealed class StormScenario : IScenario
{
    private const int Idle = 1000;
    private static readonly TimeSpan Life = TimeSpan.FromMilliseconds(20);

    public string Name => "storm";

    public string Summary => "the agent, a pass a second, beside 1,000 idle cgroups and 1,000 births and deaths a second (needs root, gcc)";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            options.Progress($"creating {Idle:#,0} cgroups");
            using var cgroups = BenchCgroups.Create(options.Quick ? 100 : Idle, 1, cancel);
            using var lives = ShortLives.Create(cgroups.Root, directory);
            cgroups.Quieten();
            await using var agent = new MeteringAgent(
                new AgentOptions { DataDirectory = Path.Combine(directory, "agent"), HostId = "storm", Interval = TimeSpan.FromSeconds(1), CgroupRoot = cgroups.Root },
                new SinkTransport(), TimeProvider.System, NullLogger.Instance);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var running = Task.Run(() => agent.RunAsync(stop.Token), CancellationToken.None);
            try
            {
                await MeasureAsync(report, agent, lives, directory, options, cancel);
            }
            finally
            {
                await stop.CancelAsync();
                await running;
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add($"the agent runs in this process, journal included, and ships to nobody; CPU is that of the process; each cgroup lives {Life.TotalMilliseconds:0} ms, nothing runs in it");
        report.Notes.Add("CPU and bytes are what the storm adds to an idle tree; system calls are counted in a run of their own, since counting slows them");
        return report;
    }

    private static async Task MeasureAsync(Report report, MeteringAgent agent, ShortLives lives, string directory, RunOptions options, CancellationToken cancel)
    {
        var (rounds, seconds, rate) = options.Quick ? (1, 3, 200) : (options.Full ? 5 : 3, 10, 1000);

        // The first storm compiles what handles births; it is not counted.
        await lives.EmptyAsync(rate, Life, rate, cancel);
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, cancel);
        List<double> made = [], idle = [], cpu = [], perBirth = [], bytes = [], met = [], files = [];
        for (var round = 0; round < rounds; round++)
        {
            options.Progress($"round {round + 1} of {rounds}: idle, then storm");
            var quiet = await SpentAsync(agent, () => Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System, cancel));
            long count = 0;
            var storm = await SpentAsync(agent, async () => count = (await lives.EmptyAsync(rate * seconds, Life, rate, cancel)).Made);
            made.Add(count / storm.Wall);
            idle.Add(100 * quiet.Cpu / quiet.Wall);
            cpu.Add(100 * storm.Cpu / storm.Wall);
            var added = storm.Wall / quiet.Wall;
            perBirth.Add((storm.Cpu - quiet.Cpu * added) * 1e6 / count);
            bytes.Add((storm.Bytes - quiet.Bytes * added) / count);
            met.Add(100.0 * storm.Births / count);
            files.Add((double)(storm.Files - quiet.Files * added) / count);
        }

        report.Add("births and deaths made", "/s", made);
        report.Add("agent, idle tree", "% of a core", idle);
        report.Add("agent, storm", "% of a core", cpu);
        report.Add("added by a birth and its death, CPU", "us", perBirth);
        report.Add("added by a birth and its death, allocated", "bytes", bytes);
        report.Add("added by a birth and its death, files read", "files", files);
        report.Add("cgroups of the storm that the agent met alive", "%", met);

        options.Progress("counting system calls");
        var (passes, births) = (agent.Counters.Passes, agent.Counters.Births);
        var calls = await SystemCalls.TracedAsync(directory, () => lives.EmptyAsync(rate * seconds, Life, rate, cancel));
        if (calls is null)
        {
            report.Notes.Add("strace is not installed or may not trace here: listings are not counted");
            return;
        }

        // Two calls read a small directory to its end. A newborn that is met alive is listed once, which is no rescan.
        passes = agent.Counters.Passes - passes;
        var listings = calls.GetValueOrDefault("getdents64") / 2.0;
        report.Add("directories listed during a storm (getdents64 / 2)", "listings", [listings]);
        report.Add("of them beyond one for each cgroup met alive", "listings", [Math.Max(0, listings - (agent.Counters.Births - births))], 0, atMost: true);
        report.Add("passes during that storm", "passes", [passes]);
        report.Add("watches set (inotify_add_watch)", "calls", [calls.GetValueOrDefault("inotify_add_watch")]);
        report.Add("calls in all", "per birth", [(double)calls.Values.Sum() / (rate * seconds)]);
        report.Add("overflows of the kernel's event queue, all rounds", "overflows", [agent.Counters.Overflows], 0, atMost: true);
    }

    private static async Task<Spent> SpentAsync(MeteringAgent agent, Func<Task> work)
    {
        var counters = agent.Counters;
        var before = (Cpu: Environment.CpuUsage.TotalTime, Bytes: GC.GetTotalAllocatedBytes(precise: true), counters.Births, counters.FilesRead);
        var began = Stopwatch.GetTimestamp();
        await work();
        return new Spent(Stopwatch.GetElapsedTime(began).TotalSeconds, (Environment.CpuUsage.TotalTime - before.Cpu).TotalSeconds,
            GC.GetTotalAllocatedBytes(precise: true) - before.Bytes, counters.Births - before.Births, counters.FilesRead - before.FilesRead);
    }

    /// <summary>What this process spent on a piece of work; times in seconds.</summary>
    private sealed record Spent(double Wall, double Cpu, long Bytes, long Births, long Files);
}
