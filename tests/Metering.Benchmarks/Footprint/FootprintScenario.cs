using System.Globalization;
using Metering.Benchmarks.Passes;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;

namespace Metering.Benchmarks.Footprint;

/// <summary>Memory of the real agent process while it passes each second and ships over a private RabbitMQ to a private service.</summary>
internal sealed class FootprintScenario : IScenario
{
    private const double MiB = 1 << 20;
    private const int Busy = 4;
    private const string Host = "footprint", Password = "footprint-secret";
    private static readonly TimeSpan Sampling = TimeSpan.FromSeconds(2);

    public string Name => "footprint";

    public string Summary => "memory of metering-agent shipping over RabbitMQ at 100 and 10,000 cgroups (needs root, rabbitmq-server); parts: 100, 10000";

    public string Usage => AgentProgram.Usage;

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            var agent = await AgentProgram.GetAsync(options, directory, cancel);
            foreach (var count in (int[])[100, 10_000])
            {
                if (options.Wants(count.ToString(CultureInfo.InvariantCulture)) && !(options.Quick && count > 1000 && options.Only.Count == 0)) await MeasureAsync(report, agent, count, options, cancel);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add("the agent runs a pass a second on the host's whole tree; figures are samples of the second half of the run");
        report.Notes.Add("charged: everything that the kernel charges to the memory cgroup of the agent alone, page cache of its programs and journal included");
        return report;
    }

    private static async Task MeasureAsync(Report report, string agent, int count, RunOptions options, CancellationToken cancel)
    {
        var size = count.ToString("#,0", CultureInfo.InvariantCulture);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            options.Progress($"{size} cgroups: creating; RabbitMQ and service starting");
            using var cgroups = BenchCgroups.Create(count, Busy, cancel);
            await using var broker = await RabbitMqServer.StartAsync();
            await broker.AddAgentUserAsync(Host, Password);
            await using var service = await Product.StartAsync("service", Path.Combine(directory, "service"), new Dictionary<string, string?> { ["METERING__Broker__Url"] = broker.ServiceUrl }, cancel);
            using var cage = Cage.Create("agent");
            await using var process = ChildProcess.Start("/bin/sh", cage.Enter(agent, ["--data", Path.Combine(directory, "agent"), "--interval", "1s"]), new Dictionary<string, string?>
            {
                ["METERING__Agent__HostId"] = Host,
                ["METERING__Broker__Url"] = broker.Url(Host, Password),
            });
            await process.WaitUntilAsync(service.KnowsHostAsync, "its first pass was in the ledger", TimeSpan.FromMinutes(2), cancel);
            var length = TimeSpan.FromSeconds(options.Quick ? 20 : options.Full ? 300 : 120);
            options.Progress($"{size} cgroups: {length.TotalSeconds:0} s of passes");
            var samples = await SampleAsync(process.Id, cage, length, line => options.Progress($"{size} cgroups: {line}"), cancel);
            if (process.HasExited) throw new InvalidOperationException($"The agent has ended:\n{process.Output}");
            Report(report, size, count, samples, cage.ChargesMemory);
            report.Checks.Add(await ShippedAsync(service, size, count, Path.GetFileName(cgroups.Root), cancel));
            report.Checks.Add(WithoutAspNet(size, process.Id));
            options.Progress($"{size} cgroups: removing");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<List<(ProcessMemory Process, MemoryCharge? Charge)>> SampleAsync(int process, Cage cage, TimeSpan length, Action<string> progress, CancellationToken cancel)
    {
        var samples = new List<(ProcessMemory, MemoryCharge?)>();
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < length)
        {
            await Task.Delay(Sampling, TimeProvider.System, cancel);
            var sample = (Process: ProcessMemory.Of(process), Charge: cage.ChargesMemory ? cage.Memory() : null);
            if (TimeProvider.System.GetElapsedTime(began) > length / 2) samples.Add(sample);
            if (samples.Count % 10 == 1) progress($"resident {sample.Process.Resident / MiB:0.0} MiB, anonymous {sample.Process.Anonymous / MiB:0.0} MiB, charged {sample.Charge?.Total / MiB:0.0} MiB");
        }

        return samples;
    }

    private static void Report(Report report, string size, int count, List<(ProcessMemory Process, MemoryCharge? Charge)> samples, bool charges)
    {
        report.Add($"{size}: resident", "MiB", samples.Select(sample => sample.Process.Resident / MiB), count == 100 ? 75 : null, atMost: true);
        report.Add($"{size}: resident, shared pages in parts", "MiB", samples.Select(sample => sample.Process.Proportional / MiB));
        report.Add($"{size}: anonymous", "MiB", samples.Select(sample => sample.Process.Anonymous / MiB), count == 100 ? 25 : 60, atMost: true);
        if (!charges)
        {
            report.Notes.Add("no memory controller in the v2 tree or as a v1 hierarchy: what is charged is not known here");
            return;
        }

        report.Add($"{size}: charged to its cgroup", "MiB", samples.Select(sample => sample.Charge!.Total / MiB), count == 100 ? null : 150, atMost: true);
        report.Add($"{size}: of that page cache", "MiB", samples.Select(sample => sample.Charge!.Cache / MiB));
        if (samples.TrueForAll(sample => sample.Charge!.Kernel is not null)) report.Add($"{size}: of that kernel memory", "MiB", samples.Select(sample => (double)sample.Charge!.Kernel! / MiB));
    }

    private static async Task<Check> ShippedAsync(Product service, string size, int count, string root, CancellationToken cancel)
    {
        var known = await service.CpuAsync("/" + root, cancel);
        return new Check($"{size}: shipped", known.Count >= Math.Min(count, 10_000), $"the ledger knows {known.Count:#,0} workloads of this tree, {known.Values.Sum():0} us of CPU");
    }

    private static Check WithoutAspNet(string size, int process)
    {
        var foreign = File.ReadLines($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/maps").Select(line => line[(line.LastIndexOf('/') + 1)..])
            .FirstOrDefault(file => file.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
        return new Check($"{size}: metering-agent has not loaded ASP.NET", foreign is null, foreign ?? "no such library among its mappings");
    }
}
