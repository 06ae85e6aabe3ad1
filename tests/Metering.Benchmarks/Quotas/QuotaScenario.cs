using System.Diagnostics;
using Metering.Benchmarks.Ingest;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Quotas;

/// <summary>What 1,000 quotas add to the cost of taking in usage, and what the clock that judges them costs. Two ledgers that differ in the quotas alone, a pass of each in turn.</summary>
internal sealed class QuotaScenario : IScenario
{
    private const int Hosts = 100, Workloads = 100;

    public string Name => "quotas";

    public string Summary => "ingest with and without 1,000 quotas, 100 hosts x 100 workloads x 7 meters; parts: sqlite, postgres";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            var fleet = new Fleet(Hosts, Workloads, TimeProvider.System.GetUtcNow().AddHours(2));
            if (options.Wants("sqlite")) await CompareAsync(report, "SQLite", name => Task.FromResult($"Data Source={Path.Combine(directory, name + ".db")}"), fleet, null, options, cancel);
            if (options.Wants("postgres"))
            {
                options.Progress("PostgreSQL: starting");
                await using var postgres = await PostgresServer.StartAsync(cancel);
                await CompareAsync(report, "PostgreSQL", name => postgres.ConnectionStringAsync(name, cancel), fleet, postgres.ProcessId, options, cancel);
            }

            report.Notes.Add($"{QuotaFleet.Count:#,0} quotas over {QuotaFleet.Tenants} tenants: {QuotaFleet.Mix}; every workload counts for {QuotaFleet.PerTenant} of them and every pass reaches all");
            report.Notes.Add("steady: one pass of all hosts, committed in groups as it comes; processor: of this process and of PostgreSQL's server; the clock judges each 5 s and on PostgreSQL adds up what waits each 30 s");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        return report;
    }

    private static async Task CompareAsync(Report report, string store, Func<string, Task<string>> connectionString, Fleet fleet, int? server, RunOptions options, CancellationToken cancel)
    {
        options.Progress($"{store}: making {QuotaFleet.Count:#,0} quotas");
        await using var plain = await LedgerUnderTest.OpenAsync(await connectionString("plain"), cancel, (ledger, _) => QuotaFleet.SetUpAsync(ledger, withQuotas: false, cancel));
        await using var with = await LedgerUnderTest.OpenAsync(await connectionString("quotas"), cancel, (ledger, _) => QuotaFleet.SetUpAsync(ledger, withQuotas: true, cancel));
        var clock = new LaterTime();
        var keeper = new QuotaKeeper(with.Store, new LedgerOptions { ConnectionString = with.Store.IsPostgres ? "Host=" : "Data Source=" }, clock, null, NullLogger<QuotaKeeper>.Instance);
        var pass = 0;
        for (; pass < 3; pass++)
        {
            await PassAsync(plain.Ingest, fleet, server, pass + 1, cancel);
            await PassAsync(with.Ingest, fleet, server, pass + 1, cancel);
            await TurnAsync(keeper, clock, server, cancel);
        }

        options.Progress($"{store}: passes in turn");
        List<(double Wall, double Own, double All)> without = [], those = [];
        List<(double Wall, double Own, double All)> turns = [];
        for (var round = 0; round < (options.Quick ? 2 : options.Full ? 150 : 25); round++, pass++)
        {
            // Each is first every other time: what the first leaves to be done (a checkpoint, garbage) is not always the second's.
            if (round % 2 == 0) without.Add(await PassAsync(plain.Ingest, fleet, server, pass + 1, cancel));
            those.Add(await PassAsync(with.Ingest, fleet, server, pass + 1, cancel));
            if (round % 2 == 1) without.Add(await PassAsync(plain.Ingest, fleet, server, pass + 1, cancel));
            turns.Add(await TurnAsync(keeper, clock, server, cancel));
        }

        report.Add($"{store}: pass without quotas", "ms", without.Select(side => side.Wall));
        report.Add($"{store}: pass with quotas", "ms", those.Select(side => side.Wall));
        report.Measures.Add(Measure.Ratio($"{store}: with / without, time", [.. those.Select(side => side.Wall)], [.. without.Select(side => side.Wall)], 1.10));
        report.Measures.Add(Measure.Ratio($"{store}: with / without, processor", [.. those.Select(side => side.All)], [.. without.Select(side => side.All)], 1.10));
        if (server is not null) report.Measures.Add(Measure.Ratio($"{store}: with / without, processor of the service alone", [.. those.Select(side => side.Own)], [.. without.Select(side => side.Own)]));
        report.Add($"{store}: the clock, twice a pass", "ms", turns.Select(turn => turn.Wall));

        // All rounds as one: what waits is added up in one of three, which a median would leave out.
        report.Measures.Add(Measure.Ratio($"{store}: with the clock / without, processor, in sum", [those.Sum(side => side.All) + turns.Sum(turn => turn.All)], [without.Sum(side => side.All)]));
        report.Checks.Add(await with.CompareAsync($"{store}: with quotas", fleet, pass, cancel));
        report.Checks.Add(await QuotaFleet.CheckAsync(with.Store, $"{store}: figures", cancel));
    }

    // What the clock does in the ten seconds of a pass.
    private static Task<(double Wall, double Own, double All)> TurnAsync(QuotaKeeper keeper, LaterTime clock, int? server, CancellationToken cancel) => SpentAsync(server, async () =>
    {
        for (var i = 0; i < 2; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(5));
            await keeper.TickAsync(cancel);
        }
    });

    private static async Task<(double Wall, double Own, double All)> PassAsync(IIngest ingest, Fleet fleet, int? server, int pass, CancellationToken cancel)
    {
        var bodies = fleet.Pass(pass);
        GC.Collect();
        IngestAnswer[] answers = [];
        var spent = await SpentAsync(server, async () => answers = await Task.WhenAll(bodies.Select((body, host) => ingest.CommitAsync(new Delivery(body, "benchmark", Fleet.HostName(host)), cancel))));
        if (Array.Exists(answers, answer => answer.Result != IngestResult.Committed)) throw new InvalidOperationException("A batch was not committed.");
        return spent;
    }

    private static async Task<(double Wall, double Own, double All)> SpentAsync(int? server, Func<Task> work)
    {
        var (own, others) = (Environment.CpuUsage.TotalTime, Others());
        var began = Stopwatch.GetTimestamp();
        await work();
        var wall = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        var spent = (Environment.CpuUsage.TotalTime - own).TotalMilliseconds;
        return (wall, spent, spent + Others() - others);

        double Others() => server is { } process ? ServerProcessor.Milliseconds(process) : 0;
    }
}
