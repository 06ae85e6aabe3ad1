using System.Globalization;
using Metering.Agent.Accounting;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Benchmarks.Passes;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;
using Metering.Safety;

namespace Metering.Benchmarks.Peers;

/// <summary>What an update costs Netdata, systemd-cgtop and us on the same cgroups, and what each shows of cgroups that live 30 ms.</summary>
internal sealed class PeersScenario : IScenario
{
    private const int Busy = 4;
    private const long Interval = 10_000_000;
    private const int DiscoverySeconds = 10;
    private static readonly TimeSpan Life = TimeSpan.FromMilliseconds(30), Cpu = TimeSpan.FromMilliseconds(20);

    public string Name => "peers";

    public string Summary => "CPU per update and what is found of short-lived cgroups, beside Netdata and systemd-cgtop (needs root); parts: 1000, 10000 (only when named or with --full), storm";

    public string Usage => AgentProgram.Usage;

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            var agent = await AgentProgram.GetAsync(options, directory, cancel);
            if (options.Wants("1000")) await UpdatesAsync(report, agent, options.Quick ? 200 : 1000, directory, options, cancel);
            if (options.Only.Contains("10000") || (options.Full && options.Wants("10000"))) await UpdatesAsync(report, agent, 10_000, directory, options, cancel);
            if (options.Wants("storm")) await StormAsync(report, agent, directory, options, cancel);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add("every side sees the same tree and nothing else; each sample has the C loop run right before it, and ratios are taken pair by pair");
        report.Notes.Add("Netdata: cgroups plugin alone, updating each second, looking for new cgroups every 10 s; its whole process holds ten minutes of history, which an agent does not");
        return report;
    }

    private static async Task UpdatesAsync(Report report, string agent, int count, string directory, RunOptions options, CancellationToken cancel)
    {
        var size = count.ToString("#,0", CultureInfo.InvariantCulture);
        options.Progress($"{size} cgroups: creating");
        using var cgroups = BenchCgroups.Create(count, Busy, cancel);
        using var loop = CompiledLoop.TryStart(directory, Directory.EnumerateDirectories(cgroups.Root).Append(cgroups.Root).Select(path => path + "/cpu.stat"))
            ?? throw new UserErrorException($"The C loop is what everything is compared with; install gcc with: {CCompiler.Remedy}");
        var cost = new UpdateCost(loop, count, options.Quick ? 2 : 5, cancel);
        var window = options.Quick ? 3 : 10;
        var rows = new List<(string Who, (Measure Cost, Measure Ratio)? Found)>();

        options.Progress($"{size} cgroups: our pass");
        rows.Add(("Metering, one pass with nothing pruned", await PassAsync(cost, cgroups.Root, count)));
        options.Progress($"{size} cgroups: metering-agent");
        await using (var own = await OwnAgent.StartAsync(agent, cgroups.Root, directory, cancel))
        {
            await Task.Delay(TimeSpan.FromSeconds(window), TimeProvider.System, cancel);
            rows.Add(("the whole agent: passes, journal on disk, shipping", (await cost.MeasureAsync(["metering-agent"], () => PerSecondAsync(window, cancel, () => own.CpuMicroseconds)))[0]));
        }

        foreach (var everyFile in (bool[])[false, true]) rows.AddRange(await NetdataAsync(cost, cgroups.Root, count, everyFile, window, directory, options, cancel));
        options.Progress($"{size} cgroups: systemd-cgtop");
        (Measure, Measure)? cgtop = Cgtop.IsInstalled ? (await cost.MeasureAsync(["systemd-cgtop"], async () => [await Cgtop.UpdateAsync(cgroups.Root, options.Quick ? 2 : 10, cancel)]))[0] : null;
        rows.Add(("systemd-cgtop" + (cgtop is null ? Missing(Cgtop.Remedy) : ""), cgtop));

        var all = new Measure($"{size}: C loop", "us", cost.Loop);
        report.Measures.Add(all);
        var table = new MarkdownTable($"{size} cgroups", "CPU per update, ms", "times the C loop");
        table.Add("a C loop of `pread` on kept descriptors of `cpu.stat`", Milliseconds(all), "1");
        foreach (var (who, found) in rows)
        {
            table.Add(who, found is null ? "" : Milliseconds(found.Value.Cost), found is null ? "" : Benchmarks.Report.Spread(found.Value.Ratio));
            if (found is null) continue;
            report.Measures.Add(found.Value.Cost with { Name = $"{size}: {found.Value.Cost.Name}" });
            report.Measures.Add(found.Value.Ratio with { Name = $"{size}: {found.Value.Ratio.Name}" });
        }

        report.Tables.Add(table);
        options.Progress($"{size} cgroups: removing");
    }

    private static async Task<(Measure Cost, Measure Ratio)> PassAsync(UpdateCost cost, string root, int count)
    {
        using var tree = new KernelTree(root);
        var meterer = new Meterer(tree, new WorkloadRecogniser().Recognise, new PassOptions(Prune: false, MaxWorkloadsPerParent: int.MaxValue));
        try
        {
            long instant = 0;
            var passes = Math.Max(3, 30_000 / count);

            // Long enough for the JIT to have compiled the loop a second time.
            PassScenario.Warm(() => meterer.Run(instant += Interval));
            return (await cost.MeasureAsync(["our pass"], () => Task.FromResult<double[]>([PassScenario.Timed(passes, () => meterer.Run(instant += Interval)).Cpu])))[0];
        }
        finally
        {
            meterer.CloseAll();
        }
    }

    private static async Task<List<(string Who, (Measure, Measure)? Found)>> NetdataAsync(
        UpdateCost cost, string root, int count, bool everyFile, int window, string directory, RunOptions options, CancellationToken cancel)
    {
        var files = everyFile ? "default files" : "`cpu.stat` only";
        if (!Netdata.IsInstalled) return [($"Netdata, {files}{Missing(Netdata.Remedy)}", null)];
        options.Progress($"Netdata, {files}: waiting for its charts");
        await using var netdata = await Netdata.StartAsync(root, directory, everyFile, DiscoverySeconds, cancel);
        await netdata.ChartedAsync(count, cancel);
        await Task.Delay(TimeSpan.FromSeconds(window), TimeProvider.System, cancel);
        options.Progress($"Netdata, {files}: measuring");
        var name = "Netdata, " + (everyFile ? "default files" : "cpu.stat");
        var found = await cost.MeasureAsync([name + ", plugin's threads", name + ", process"], () => PerSecondAsync(window, cancel, netdata.PluginMicroseconds, () => netdata.CpuMicroseconds));
        return [($"Netdata, {files}: threads of its cgroups plugin", found[0]), ($"Netdata, {files}: whole process", found[1])];
    }

    private static async Task StormAsync(Report report, string agent, string directory, RunOptions options, CancellationToken cancel)
    {
        var count = options.Quick ? 30 : 300;
        var table = new MarkdownTable($"{count} cgroups of {Life.TotalMilliseconds:0} ms, {Cpu.TotalMilliseconds:0} ms of CPU each", "shown for the cgroups themselves, % of what the kernel counted", "with their parent, %");
        using var cgroups = BenchCgroups.Create(20, Busy, cancel);
        using var lives = ShortLives.Create(cgroups.Root, directory);
        var rounds = options.Quick ? 1 : 3;

        // The parent has some CPU and has been seen before the clock starts: one that is met during the storm has no baseline anywhere.
        await lives.OneByOneAsync(1, Life, Cpu, cancel);
        options.Progress("storm: metering-agent");
        await using (var own = await OwnAgent.StartAsync(agent, cgroups.Root, directory, cancel))
            Add("Metering", await RoundsAsync(rounds, "Metering", () => OwnStormAsync(own, lives, count, cancel)));

        if (!Netdata.IsInstalled) table.Add("Netdata" + Missing(Netdata.Remedy), "", "");
        else
        {
            options.Progress("storm: Netdata");
            await using var netdata = await Netdata.StartAsync(cgroups.Root, directory, everyFile: false, discoverySeconds: 1, cancel);
            await netdata.ChartedAsync(21, cancel);
            Add("Netdata, looking for new cgroups every second", await RoundsAsync(rounds, "Netdata", () => NetdataStormAsync(netdata, lives, count, cancel)));
        }

        if (!Cgtop.IsInstalled) table.Add("systemd-cgtop" + Missing(Cgtop.Remedy), "", "");
        else
        {
            options.Progress("storm: systemd-cgtop");
            Add("systemd-cgtop, updating every second", await RoundsAsync(rounds, "systemd-cgtop", () => CgtopStormAsync(cgroups.Root, lives, count, cancel)));
        }

        report.Tables.Add(table);

        void Add(string who, (Measure Own, Measure Parent) found)
        {
            report.Measures.AddRange([found.Own, found.Parent]);
            table.Add(who, Benchmarks.Report.Spread(found.Own), Benchmarks.Report.Spread(found.Parent));
        }

        async Task<(Measure Own, Measure Parent)> RoundsAsync(int times, string who, Func<Task<(double Own, double All)>> round)
        {
            List<double> own = [], all = [];
            for (var i = 0; i < times; i++)
            {
                cancel.ThrowIfCancellationRequested();
                var shares = await round();
                own.Add(shares.Own * 100);
                all.Add(shares.All * 100);
            }

            return (new Measure($"storm, {who}: in the cgroups themselves", "%", [.. own]), new Measure($"storm, {who}: with the parent", "%", [.. all]));
        }
    }

    private static async Task<(double Own, double All)> OwnStormAsync(OwnAgent agent, ShortLives lives, int count, CancellationToken cancel)
    {
        var before = await SettledAsync(agent, cancel);
        var kernel = await lives.OneByOneAsync(count, Life, Cpu, cancel);
        var after = await SettledAsync(agent, cancel);
        return ((after.Below - before.Below) / kernel, (after.Below + after.Parent - before.Below - before.Parent) / kernel);
    }

    // A few passes and their way to the ledger.
    private static async Task<(double Below, double Parent)> SettledAsync(OwnAgent agent, CancellationToken cancel)
    {
        await Task.Delay(TimeSpan.FromSeconds(4), TimeProvider.System, cancel);
        var ledger = await agent.LedgerAsync("/storm", cancel);
        return ((double)ledger.Where(row => row.Key != "/storm").Sum(row => row.Value), (double)ledger.GetValueOrDefault("/storm"));
    }

    private static async Task<(double Own, double All)> NetdataStormAsync(Netdata netdata, ShortLives lives, int count, CancellationToken cancel)
    {
        var from = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        var kernel = await lives.OneByOneAsync(count, Life, Cpu, cancel);
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System, cancel);
        var to = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        var own = await netdata.ShownAsync(chart => chart.StartsWith("cgroup_storm_", StringComparison.Ordinal), from, to, cancel);
        var parent = await netdata.ShownAsync(chart => chart == "cgroup_storm.cpu", from, to, cancel);

        // The parent's chart holds what its children used.
        return (own / kernel, parent / kernel);
    }

    private static async Task<(double Own, double All)> CgtopStormAsync(string root, ShortLives lives, int count, CancellationToken cancel)
    {
        var watching = Cgtop.WatchAsync(root, 4 + (int)(count * Life.TotalSeconds * 1.5), cancel);
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System, cancel);
        var kernel = await lives.OneByOneAsync(count, Life, Cpu, cancel);
        var shown = await watching;
        return (shown.Where(row => row.Key.StartsWith("/storm/", StringComparison.Ordinal)).Sum(row => row.Value) / kernel, shown.GetValueOrDefault("/storm") / kernel);
    }

    private static async Task<double[]> PerSecondAsync(int seconds, CancellationToken cancel, params Func<double>[] spent)
    {
        var began = TimeProvider.System.GetTimestamp();
        var before = spent.Select(one => one()).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System, cancel);
        var elapsed = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        return [.. spent.Select((one, i) => (one() - before[i]) / elapsed)];
    }

    private static string Milliseconds(Measure measure) => Benchmarks.Report.Spread(measure with { Samples = [.. measure.Samples.Select(sample => sample / 1000)] });

    private static string Missing(string remedy) => $" (not installed: `{remedy}`)";
}
