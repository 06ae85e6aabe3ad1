using System.Diagnostics;
using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;

namespace Metering.Benchmarks.Passes;

/// <summary>What a pass costs on real cgroups, beside a bare loop of pread on the same descriptors in the same rounds.</summary>
internal sealed class PassScenario : IScenario
{
    private const double TargetRatio = 1.25, PrunedTargetPercent = 2;
    private const int Births = 200, Warming = 10;
    private const int SteadyPasses = 1000;
    private const int Busy = 4;
    private const long Interval = 10_000_000;
    private const int PassesPerBucket = 90;

    public string Name => "pass";

    public string Summary => "a pass over 1,000 and 10,000 real cgroups against a bare loop of pread (needs root); parts: 1000, 10000";

    public Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            foreach (var count in (int[])[1_000, 10_000])
            {
                if (options.Wants(count.ToString(CultureInfo.InvariantCulture))) Measure(report, count, directory, options, cancel);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add("a round measures every side once, in turn; times are of the measuring thread (C: of its process), per pass; only ratios of one run compare");
        report.Notes.Add($"every cgroup has CPU counted, {Busy} are busy all the time; 'pruned, idle' is measured with those ended");
        return Task.FromResult(report);
    }

    private static void Measure(Report report, int count, string directory, RunOptions options, CancellationToken cancel)
    {
        var size = count.ToString("#,0", CultureInfo.InvariantCulture);
        options.Progress($"{size} cgroups: creating");
        using var cgroups = BenchCgroups.Create(count, Busy, cancel);
        using var tree = new KernelTree(cgroups.Root);
        var meterer = NewMeterer(tree, prune: false);
        double whole;
        try
        {
            long instant = 0;
            var encoder = new Encoding();
            Warm(() => meterer.Run(instant += Interval));
            int[] descriptors = [meterer.Root.CpuHandle, .. meterer.Root.Children.Select(node => node.CpuHandle)];
            using var compiled = CompiledLoop.TryStart(directory, meterer.Nodes.Select(node => $"{cgroups.Root}{node.Path.TrimEnd('/')}/cpu.stat"));
            if (compiled is null) report.Notes.Add("no C side: gcc is not installed");
            Warm(() => BareLoop.Run(descriptors, 1));
            Warm(() => encoder.Pass(meterer, instant += Interval));
            compiled?.Run(3);

            options.Progress($"{size} cgroups: rounds");
            var rounds = options.Quick ? 2 : options.Full ? 45 : 15;
            var passes = Math.Max(2, 20_000 / count);
            var (pass, bare, encoded, c) = (new Side(), new Side(), new Side(), new Side());
            for (var round = 0; round < rounds; round++)
            {
                cancel.ThrowIfCancellationRequested();
                bare.Add(BareLoop.Run(descriptors, passes));
                pass.Add(Timed(passes, () => meterer.Run(instant += Interval)));
                encoded.Add(Timed(passes, () => encoder.Pass(meterer, instant += Interval)));
                if (compiled is not null) c.Add(compiled.Run(passes));
            }

            report.Add($"{size}: pass, CPU", "us", pass.Cpu);
            report.Add($"{size}: pass, wall", "us", pass.Wall);
            report.Add($"{size}: pass + encoding, CPU", "us", encoded.Cpu);
            report.Add($"{size}: bare pread loop (C#), CPU", "us", bare.Cpu);
            report.Add($"{size}: bare pread loop (C#), wall", "us", bare.Wall);
            if (compiled is not null) report.Add($"{size}: bare pread loop (C), CPU", "us", c.Cpu);
            report.Measures.Add(Benchmarks.Measure.Ratio($"{size}: pass / bare loop (C#), CPU", [.. pass.Cpu], [.. bare.Cpu], TargetRatio));
            report.Measures.Add(Benchmarks.Measure.Ratio($"{size}: pass / bare loop (C#), wall", [.. pass.Wall], [.. bare.Wall], TargetRatio));
            if (compiled is not null) report.Measures.Add(Benchmarks.Measure.Ratio($"{size}: pass / bare loop (C), CPU", [.. pass.Cpu], [.. c.Cpu], TargetRatio));
            report.Measures.Add(Benchmarks.Measure.Ratio($"{size}: pass + encoding / bare loop (C#), CPU", [.. encoded.Cpu], [.. bare.Cpu]));

            whole = new Measure("", "us", [.. pass.Cpu]).Median;
            var steady = options.Quick ? 20 : SteadyPasses;
            options.Progress($"{size} cgroups: {steady} steady passes");
            CountBytesAndCalls(report, size, directory, meterer, steady, () => meterer.Run(instant += Interval), cancel);
            CountBirths(report, size, cgroups, meterer, () => meterer.Run(instant += Interval), cancel);
        }
        finally
        {
            meterer.CloseAll();
        }

        cgroups.Quieten();
        options.Progress($"{size} cgroups: pruned");
        MeasurePruned(report, size, tree, whole, cancel);
        options.Progress($"{size} cgroups: removing");
    }

    private static void CountBytesAndCalls(Report report, string size, string directory, Meterer meterer, int steady, Action pass, CancellationToken cancel)
    {
        // The first call of the precise count allocates what it needs itself.
        GC.GetTotalAllocatedBytes(precise: true);
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < steady && !cancel.IsCancellationRequested; i++) pass();
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        cancel.ThrowIfCancellationRequested();
        report.Add($"{size}: bytes allocated in {steady} passes", "bytes", [allocated], 0, atMost: true);

        const int Counted = 20;
        var files = meterer.Counters.FilesRead;
        var reads = SystemCalls.Reads(() => Repeat(Counted, pass));
        report.Add($"{size}: files read per pass", "files", [(double)(meterer.Counters.FilesRead - files) / Counted]);
        report.Add($"{size}: read calls per pass (/proc/self/io)", "calls", [(double)reads / Counted]);
        if (SystemCalls.Traced(directory, () => Repeat(Counted, pass)) is { } calls)
            report.Add($"{size}: system calls per pass (strace: {string.Join(", ", calls.OrderByDescending(call => call.Value).Take(3).Select(call => $"{call.Key} {(double)call.Value / Counted:0.#}"))})", "calls", [(double)calls.Values.Sum() / Counted]);
        else
            report.Notes.Add("strace is not installed or may not trace here: only read calls are counted");
    }

    // A cgroup is born before one pass and gone before the next; only the passes are counted, which read the events and open, read and bury it.
    // A name that was here before leaves nothing behind; a new one is kept as long as its cgroup lives, and what is recognised by it.
    private static void CountBirths(Report report, string size, BenchCgroups cgroups, Meterer meterer, Action pass, CancellationToken cancel)
    {
        var (births, deaths) = (meterer.Counters.Births, meterer.Counters.Deaths);
        var made = 0;
        Count("again", Warming);
        var again = Count("again", Births);
        var another = Count(null, Births);
        const int All = Warming + Births + Births;
        report.Add($"{size}: bytes allocated for a birth and its death, events included", "bytes", [again / Births], 0, atMost: true);
        report.Add($"{size}: bytes allocated for a birth and its death under a name never seen before", "bytes", [another / Births]);
        report.Checks.Add(new Check($"{size}: births", meterer.Counters.Births - births == All && meterer.Counters.Deaths - deaths == All, $"{All} cgroups were made and removed between passes, each was met and buried"));

        double Count(string? name, int times)
        {
            long bytes = 0;
            for (var i = 0; i < times; i++)
            {
                cancel.ThrowIfCancellationRequested();
                var child = $"{cgroups.Root}/{name ?? $"another-{made++}"}";
                Directory.CreateDirectory(child);
                Pass();
                Directory.Delete(child);
                Pass();
            }

            return bytes;

            void Pass()
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                pass();
                bytes += GC.GetAllocatedBytesForCurrentThread() - before;
                meterer.Journalled();
            }
        }
    }

    private static void MeasurePruned(Report report, string size, KernelTree tree, double whole, CancellationToken cancel)
    {
        // A second set of descriptors beside the first could pass the limit, so this one comes after it and has a bare loop of its own.
        var meterer = NewMeterer(tree, prune: true);
        try
        {
            long instant = 0;
            Warm(() => meterer.Run(instant += Interval));
            int[] descriptors = [meterer.Root.CpuHandle, .. meterer.Root.Children.Select(node => node.CpuHandle)];
            var (pruned, bare, bucket) = (new Side(), new Side(), new Side());
            for (var round = 0; round < 9; round++)
            {
                cancel.ThrowIfCancellationRequested();
                bare.Add(BareLoop.Run(descriptors, 2));
                bucket.Add(Timed(PassesPerBucket / 10, () => pruned.Add(Timed(10, () => meterer.Run(instant += Interval)))));
            }

            report.Add($"{size}: pruned, idle, CPU", "us", pruned.Cpu);
            report.Measures.Add(Benchmarks.Measure.Ratio($"{size}: pruned, idle / bare loop (C#), CPU", [.. pruned.Cpu], [.. bare.Cpu]));
            report.Add($"{size}: pruned, idle / pass with nothing pruned", "%", pruned.Cpu.Select(cpu => 100 * cpu / whole), PrunedTargetPercent, atMost: true);
            report.Add($"{size}: pruned, idle, mean of a bucket with the reading of everything at its bound, CPU", "us", bucket.Cpu.Select(cpu => cpu / 10));
        }
        finally
        {
            meterer.CloseAll();
        }
    }

    private static Meterer NewMeterer(KernelTree tree, bool prune) => new(tree, new RecentlyRecognised(new WorkloadRecogniser().Recognise).Recognise, new PassOptions(prune, MaxWorkloadsPerParent: int.MaxValue));

    internal static (double Cpu, double Wall) Timed(int passes, Action pass)
    {
        var began = Stopwatch.GetTimestamp();
        var spent = Posix.ThreadCpuNanoseconds();
        Repeat(passes, pass);
        return ((Posix.ThreadCpuNanoseconds() - spent) / 1000.0 / passes, Stopwatch.GetElapsedTime(began).TotalMicroseconds / passes);
    }

    private static void Repeat(int times, Action action)
    {
        for (var i = 0; i < times; i++) action();
    }

    // Long enough for the JIT to have compiled the loop a second time.
    internal static void Warm(Action action)
    {
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < 10 || Stopwatch.GetElapsedTime(began).TotalSeconds < 0.7; i++) action();
    }

    private sealed class Side
    {
        public List<double> Cpu { get; } = [];

        public List<double> Wall { get; } = [];

        public void Add((double Cpu, double Wall) sample)
        {
            Cpu.Add(sample.Cpu);
            Wall.Add(sample.Wall);
        }
    }

    private sealed class Encoding
    {
        private static readonly Dictionary<string, string> NoLabels = [];
        private readonly UsageEncoder _encoder = new();
        private readonly HostFacts _facts = HostFacts.Read();
        private ulong _sequence = 1;

        public void Pass(Meterer meterer, long instant)
        {
            meterer.Run(instant);
            var window = new PassWindow("bench", "bench", instant - Interval, instant, Interval, Interval, _facts, NoLabels);
            _sequence += (ulong)_encoder.Encode(meterer, window, _sequence, rootIsMachine: false).Count;
            meterer.Journalled();
        }
    }
}
