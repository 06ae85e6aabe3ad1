using System.Globalization;
using Metering.Benchmarks.Ingest;
using Metering.Benchmarks.Passes;
using Metering.Benchmarks.Quotas;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;
using Metering.Service.Ledger;

namespace Metering.Benchmarks.AlertLatency;

/// <summary>
/// From the kernel reading that crosses a threshold to the webhook that is accepted. A real agent meters real cgroups and ships over HTTP to a real service, which at the same instants takes the passes
/// of a fleet with 10,000 workloads and 1,000 quotas; thresholds lie so close together that each pass of the agent reaches some.
/// </summary>
internal sealed class AlertLatencyScenario : IScenario
{
    private const int Hosts = 100, Workloads = 100, Cgroups = 100, Busy = 4, CrossingsPerPass = 15, AmountsPerQuota = 20;
    private const string Host = "latency";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(4);

    public string Name => "alert-latency";

    public string Summary => "from the kernel reading that crosses to the webhook accepted, at 10,000 workloads and 1,000 quotas (needs root); parts: sqlite, postgres";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            if (options.Wants("sqlite")) await RunAsync(report, "SQLite", $"Data Source={Path.Combine(directory, "ledger.db")}", Path.Combine(directory, "sqlite"), options, cancel);
            if (options.Wants("postgres"))
            {
                await using var postgres = await PostgresServer.StartAsync(cancel);
                await RunAsync(report, "PostgreSQL", await postgres.ConnectionStringAsync("latency", cancel), Path.Combine(directory, "postgres"), options, cancel);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add($"from the nominal instant of the agent's pass, which no reading precedes, to the answer of the receiver; every {Interval.TotalSeconds:0} s the passes of {Hosts} hosts x {Workloads} workloads arrive at that instant too");
        report.Notes.Add($"{QuotaFleet.Count:#,0} quotas of the fleet: {QuotaFleet.Mix}; beside them those that are crossed; one webhook that keeps the order");
        return report;
    }

    private static async Task RunAsync(Report report, string store, string ledger, string directory, RunOptions options, CancellationToken cancel)
    {
        options.Progress($"{store}: {QuotaFleet.Count:#,0} quotas and {Cgroups} cgroups are made");
        await PrepareAsync(ledger, cancel);
        using var cgroups = BenchCgroups.Create(Cgroups, Busy, cancel);
        using var receiver = new Receiver();
        await using var service = await Product.StartAsync("service", Path.Combine(directory, "service"), new Dictionary<string, string?> { ["METERING__Alerts__AllowedAddresses"] = receiver.Address, ["METERING__Ledger__ConnectionString"] = ledger }, cancel);
        var interval = string.Create(CultureInfo.InvariantCulture, $"{Interval.TotalSeconds:0}s");
        await using var agent = ChildProcess.Start(Product.Program("metering"), ["agent", "--data", Path.Combine(directory, "agent"), "--interval", interval], new Dictionary<string, string?>
        {
            ["METERING__Agent__HostId"] = Host,
            ["METERING__Agent__Transport"] = "http",
            ["METERING__Agent__ServiceUrl"] = service.Url,
            ["METERING__Agent__Key"] = await service.AgentKeyAsync(Host, cancel),
        });
        await MeasureAsync(report, store, service, receiver, Path.GetFileName(cgroups.Root), options, cancel);
        if (agent.HasExited) throw new InvalidOperationException($"The agent has ended:\n{agent.Output}");
    }

    private static async Task PrepareAsync(string ledger, CancellationToken cancel)
    {
        await using var store = LedgerStore.Create(new LedgerOptions { ConnectionString = ledger });
        await store.OpenAsync(cancel);
        await QuotaFleet.SetUpAsync(store, withQuotas: true, cancel);
    }

    private static async Task MeasureAsync(Report report, string store, Product service, Receiver receiver, string root, RunOptions options, CancellationToken cancel)
    {
        var fleet = new Fleet(Hosts, Workloads, TimeProvider.System.GetUtcNow());
        options.Progress("the first passes");
        for (var pass = 1; pass <= 3; pass++) await PassAsync(service, fleet, pass, cancel);
        var before = (await service.CpuAsync("/" + root, cancel)).Values.Sum();
        for (var pass = 4; pass <= 6; pass++) await PassAsync(service, fleet, pass, cancel);
        var used = (await service.CpuAsync("/" + root, cancel)).Values.Sum();
        var step = Math.Max(1, Math.Ceiling((used - before) / 3 / CrossingsPerPass));
        var passes = options.Quick ? 3 : options.Full ? 40 : 16;
        await service.PutAsync("v1/webhooks/bench", new { url = $"http://{receiver.Address}/" }, cancel);
        var thresholds = (passes + 2) * CrossingsPerPass;
        for (var quota = 0; quota * AmountsPerQuota < thresholds; quota++)
        {
            // Neighbours are of different quotas, so that a pass reaches several.
            var amounts = Enumerable.Range(0, AmountsPerQuota).Select(i => (used + step * (CrossingsPerPass + i * (thresholds / AmountsPerQuota) + quota)) / 1_000_000).ToArray();
            await service.PutAsync($"v1/quotas/latency-{quota}", new { subject = new { host = Host, workload = new { path = $"/{root}/*" } }, meter = "cpuSeconds", window = "month", limit = 1_000_000, thresholds = Array.Empty<decimal>(), amounts, notify = new[] { "bench" } }, cancel);
        }

        options.Progress($"{passes} passes of {Interval.TotalSeconds:0} s; {step:0} us of CPU from threshold to threshold");
        await NextAsync(cancel);
        var from = TimeProvider.System.GetUtcNow();
        var ingest = new List<double>();
        for (var pass = 7; pass < 7 + passes; pass++) ingest.Add(await PassAsync(service, fleet, pass, cancel));
        await NextAsync(cancel);
        var all = receiver.All.Where(accepted => accepted.Recorded >= from).ToArray();
        var samples = all.Select(accepted => (accepted.At - Nominal(accepted.Recorded)).TotalMilliseconds).Order().ToArray();
        if (samples.Length == 0) throw new InvalidOperationException("No threshold was crossed.");
        report.Add($"{store}: reading to accepted", "ms", samples);
        report.Add($"{store}: reading to accepted, p99", "ms", [samples[(int)Math.Ceiling(samples.Length * 0.99) - 1]], 1_000, atMost: true);
        report.Add($"{store}: reading to recorded", "ms", all.Select(accepted => (accepted.Recorded - Nominal(accepted.Recorded)).TotalMilliseconds));
        report.Add($"{store}: a pass of the fleet, until the last is committed", "ms", ingest);
        report.Checks.Add(new Check($"{store}: each crossing once", all.DistinctBy(accepted => accepted.Id).Count() == all.Length && all.All(accepted => accepted.Value >= accepted.Threshold), $"{all.Length:#,0} crossings in {passes} passes, none twice, each at or above its threshold"));
    }

    /// <summary>The fleet's passes at the next nominal instant; milliseconds until all are committed.</summary>
    private static async Task<double> PassAsync(Product service, Fleet fleet, int pass, CancellationToken cancel)
    {
        var bodies = fleet.Pass(pass);
        await NextAsync(cancel);
        var began = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(bodies.Select(body => service.ShipAsync(body, cancel)));
        return TimeProvider.System.GetElapsedTime(began).TotalMilliseconds;
    }

    private static Task NextAsync(CancellationToken cancel)
    {
        var now = TimeProvider.System.GetUtcNow();
        return Task.Delay(Nominal(now) + Interval - now, TimeProvider.System, cancel);
    }

    // Where agents begin their passes: multiples of the interval on the wall clock.
    private static DateTimeOffset Nominal(DateTimeOffset at) => new(at.Ticks / Interval.Ticks * Interval.Ticks, TimeSpan.Zero);
}
