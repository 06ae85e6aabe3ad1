using System.Diagnostics;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;

namespace Metering.Agent.Accounting;

/// <summary>
/// Measures passes on a real tree, one right after the other: first with nothing pruned, then as the agent runs them. Reads only; nothing is journalled.
/// </summary>
internal static class PassBenchmark
{
    /// <summary>The families that can be asked for; cpu is always read, for it tells which cgroups live; slow is everything that has the slow cadence (swap, pressure, limits, network, …).</summary>
    public static readonly IReadOnlySet<string> Families = new HashSet<string>(StringComparer.Ordinal) { "cpu", "memory", "io", "pids", "slow" };

    // The JIT compiles a hot method anew 100 ms after it went quiet; until then figures are those of unoptimised code.
    private static readonly TimeSpan Warming = TimeSpan.FromMilliseconds(300);
    private const int WarmingPasses = 14;

    // Passes are told that they are a default interval apart, so that cadences (held levels, slow files) are those of production.
    private const long Interval = 10_000_000;

    /// <summary><paramref name="passes"/> of either kind, at least 1. <paramref name="families"/>: see <see cref="Families"/>.</summary>
    public static PassCost Run(string cgroupRoot, int passes, IReadOnlySet<string> families)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(passes, 1);
        using var tree = new KernelTree(cgroupRoot);
        var whole = Measure(tree, passes, families, prune: false);
        var pruned = Measure(tree, passes, families, prune: true);
        return whole with { PrunedCpuMicrosecondsPerPass = pruned.CpuMicrosecondsPerPass };
    }

    private static PassCost Measure(KernelTree tree, int passes, IReadOnlySet<string> families, bool prune)
    {
        var options = new PassOptions(prune, families.Contains("memory"), families.Contains("io"), families.Contains("pids"), families.Contains("slow"), DescriptorBudget.Others(DescriptorBudget.Agent));
        var counters = new PassCounters();
        var meterer = new Meterer(tree, new WorkloadRecogniser().Recognise, options, Source(tree, options, counters), counters, options.Slow ? new NetworkMeter(tree, counters) : null);
        try
        {
            long instant = 0;
            var warm = Stopwatch.GetTimestamp();
            for (var i = 0; i < WarmingPasses || Stopwatch.GetElapsedTime(warm) < Warming; i++) meterer.Run(instant += Interval);

            var cpu = new double[passes];
            var wall = new double[passes];
            var files = counters.FilesRead;

            // Of this thread, which makes the passes. The first call of the clock allocates what it needs itself.
            _ = Posix.ThreadCpuNanoseconds();
            var bytes = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < passes; i++)
            {
                var began = Stopwatch.GetTimestamp();
                var spent = Posix.ThreadCpuNanoseconds();
                meterer.Run(instant += Interval);
                cpu[i] = (Posix.ThreadCpuNanoseconds() - spent) / 1000.0;
                wall[i] = Stopwatch.GetElapsedTime(began).TotalMicroseconds;
            }

            bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
            files = counters.FilesRead - files;
            return new PassCost(meterer.Nodes.Count, (double)files / passes, Median(cpu), Median(wall), (double)bytes / passes, 0);
        }
        finally
        {
            meterer.CloseAll();
        }
    }

    // As the agent chooses: on a hybrid host the host's own tree is joined with the v1 controllers, any other root speaks for itself.
    // Who asks for cpu alone is not charged for that join.
    private static IMeterSource Source(KernelTree tree, PassOptions options, PassCounters counters)
    {
        var joins = options.Memory || options.Io || options.Pids;
        return MeterSources.For(tree, joins ? MeterSources.MountsOf(tree) : null, options, counters);
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        var middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
