using System.Diagnostics;
using Metering.EndToEnd.Servers;
using Metering.Service.Ingest;
using Metering.Service.Ingest.RabbitMq;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Metering.Benchmarks.Ingest;

/// <summary>Workload records a second through decode and ledger commit, in process and through RabbitMQ, beside what store and broker do by themselves.</summary>
internal sealed class IngestScenario : IScenario
{
    private const int Hosts = 1000, Workloads = 100, BacklogPasses = 10;
    private const double SteadyTarget = 40_000, BacklogTarget = 200_000, BrokerTarget = 100_000;

    public string Name => "ingest";

    public string Summary => "records/s through decode and ledger commit, 1,000 hosts x 100 workloads x 7 meters; parts: sqlite, postgres, rabbitmq";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            options.Progress("making batches");
            var fleet = new Fleet(Hosts, Workloads, TimeProvider.System.GetUtcNow());
            var rows = StoreRates.Rows(fleet.Pass(1));
            if (options.Wants("sqlite")) await SqliteAsync(report, fleet, rows, directory, options, cancel);
            if (options.Wants("postgres") || options.Wants("rabbitmq"))
            {
                options.Progress("PostgreSQL: starting");
                await using var postgres = await PostgresServer.StartAsync(cancel);
                if (options.Wants("postgres")) await PostgresAsync(report, fleet, rows, await postgres.ConnectionStringAsync("ledger", cancel), options, cancel);
                if (options.Wants("rabbitmq")) await RabbitMqAsync(report, fleet, postgres, directory, options, cancel);
            }

            report.Notes.Add($"a record is a docker container with 7 meters, {fleet.RecordBytes:0} bytes in protobuf, 100 a batch; batch bytes are stored too; fsync on in every store and in the broker");
            report.Notes.Add("plain rows: values ready in memory, 20,000 a commit, one row per record, no receipts and no batch bytes; PostgreSQL as COPY to a temporary table + INSERT ON CONFLICT");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        return report;
    }

    private static async Task SqliteAsync(Report report, Fleet fleet, long[][] rows, string directory, RunOptions options, CancellationToken cancel)
    {
        options.Progress("SQLite");
        var plain = Path.Combine(directory, "plain.db");
        StoreRates.SqliteUpserts(plain, rows);
        await EmbeddedAsync(report, "SQLite", $"Data Source={Path.Combine(directory, "ledger.db")}", fleet, () => Task.FromResult(StoreRates.SqliteUpserts(plain, rows)), BacklogTarget, options, cancel);
    }

    private static async Task PostgresAsync(Report report, Fleet fleet, long[][] rows, string connectionString, RunOptions options, CancellationToken cancel)
    {
        options.Progress("PostgreSQL");
        await StoreRates.PostgresUpsertsAsync(connectionString, rows, cancel);
        await EmbeddedAsync(report, "PostgreSQL", connectionString, fleet, () => StoreRates.PostgresUpsertsAsync(connectionString, rows, cancel), null, options, cancel);
        report.Add("PostgreSQL: plain COPY", "rows/s", [await StoreRates.PostgresCopyAsync(connectionString, rows, cancel), await StoreRates.PostgresCopyAsync(connectionString, rows, cancel)]);
    }

    // Sides in turn: plain upserts, one steady pass, and so on; then backlogs.
    private static async Task EmbeddedAsync(
        Report report, string store, string connectionString, Fleet fleet, Func<Task<double>> plain, double? backlogTarget, RunOptions options, CancellationToken cancel)
    {
        await using var ledger = await LedgerUnderTest.OpenAsync(connectionString, cancel);
        var pass = 0;
        var first = await CommitAsync(ledger.Ingest, fleet, ++pass, 1, cancel);
        report.Add($"{store}: first pass, every workload new", "records/s", [first]);
        await CommitAsync(ledger.Ingest, fleet, ++pass, 1, cancel);

        List<double> upserts = [], steady = [], backlog = [];
        for (var round = 0; round < (options.Full ? 15 : 5); round++)
        {
            upserts.Add(await plain());
            steady.Add(await CommitAsync(ledger.Ingest, fleet, ++pass, 1, cancel));
        }

        options.Progress($"{store}: backlog");
        for (var round = 0; round < (options.Full ? 7 : 3); round++)
        {
            backlog.Add(await CommitAsync(ledger.Ingest, fleet, pass + 1, BacklogPasses, cancel));
            pass += BacklogPasses;
        }

        report.Add($"{store}: plain upserts", "rows/s", upserts);
        report.Add($"{store}: steady", "records/s", steady, SteadyTarget);
        report.Add($"{store}: backlog of {BacklogPasses} passes", "records/s", backlog, backlogTarget);
        report.Measures.Add(Measure.Ratio($"{store}: steady / plain upserts", [.. steady], [.. upserts]));
        report.Measures.Add(Measure.Ratio($"{store}: backlog / plain upserts", [.. backlog], [.. upserts]));
        report.Checks.Add(await ledger.CompareAsync(store, fleet, pass, cancel));
    }

    private static async Task<double> CommitAsync(IIngest ingest, Fleet fleet, int firstPass, int passes, CancellationToken cancel)
    {
        var batches = new List<byte[]>();
        for (var pass = firstPass; pass < firstPass + passes; pass++) batches.AddRange(fleet.Pass(pass));
        GC.Collect();
        var began = Stopwatch.GetTimestamp();

        // Decoding is done on the caller's thread: two callers, as the transports have several.
        var answers = new Task<IngestAnswer>[batches.Count];
        await Task.WhenAll(Enumerable.Range(0, 2).Select(half => Task.Run(async () =>
        {
            var mine = new List<Task<IngestAnswer>>();
            for (var i = half; i < answers.Length; i += 2) mine.Add(answers[i] = ingest.CommitAsync(new Delivery(batches[i], "inProcess", null, MayClaimAnyHost: true), cancel));
            await Task.WhenAll(mine);
        }, cancel)));
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (answers.FirstOrDefault(answer => answer.Result.Result != IngestResult.Committed)?.Result is { } wrong) throw new InvalidOperationException($"A batch was {wrong.Result}: {wrong.Reason}");
        return (double)passes * fleet.RecordsPerPass / seconds;
    }

    private static async Task RabbitMqAsync(Report report, Fleet fleet, PostgresServer postgres, string directory, RunOptions options, CancellationToken cancel)
    {
        options.Progress("RabbitMQ: starting");
        await using var broker = await RabbitMqServer.StartAsync();
        var connectionString = await postgres.ConnectionStringAsync("through_broker", cancel);
        await using var ledger = await LedgerUnderTest.OpenAsync(connectionString, cancel);
        await CommitAsync(ledger.Ingest, fleet, 1, 1, cancel);
        var pass = 1;
        List<double> publish = [], consume = [], drain = [];
        for (var round = 0; round < (options.Full ? 5 : 2); round++)
        {
            var messages = Messages(fleet, pass + 1, BacklogPasses);
            options.Progress("RabbitMQ: plain publish and consume");
            publish.Add(await BrokerRates.PublishAsync(broker.ServiceUrl, messages, cancel));
            consume.Add(await BrokerRates.ConsumeAsync(broker.ServiceUrl, messages.Count, cancel));
            options.Progress("RabbitMQ + PostgreSQL: queueing the backlog");
            publish.Add(await BrokerRates.PublishAsync(broker.ServiceUrl, messages, cancel));
            options.Progress("RabbitMQ + PostgreSQL: draining");
            drain.Add(messages.Count * (double)fleet.Workloads / (await DrainAsync(broker.ServiceUrl, ledger.Ingest, messages.Count, cancel)).TotalSeconds);
            pass += BacklogPasses;
        }

        report.Add("RabbitMQ: publish, confirmed", "messages/s", publish);
        report.Add("RabbitMQ: publish, confirmed", "records/s", publish.Select(rate => rate * fleet.Workloads));
        report.Add("RabbitMQ: plain consume", "messages/s", consume);
        report.Add("RabbitMQ: plain consume", "records/s", consume.Select(rate => rate * fleet.Workloads));
        report.Add($"RabbitMQ + PostgreSQL: backlog of {BacklogPasses} passes", "records/s", drain, BrokerTarget);
        report.Measures.Add(Measure.Ratio("RabbitMQ + PostgreSQL: backlog / plain consume", [.. drain], [.. consume.Select(rate => rate * fleet.Workloads)]));
        report.Checks.Add(await ledger.CompareAsync("RabbitMQ + PostgreSQL", fleet, pass, cancel));
    }

    private static List<(string Host, byte[] Body)> Messages(Fleet fleet, int firstPass, int passes)
    {
        var messages = new List<(string Host, byte[] Body)>();
        for (var pass = firstPass; pass < firstPass + passes; pass++)
        {
            for (var host = 0; host < fleet.Hosts; host++) messages.Add((Fleet.HostName(host), fleet.Batch(host, pass)));
        }

        return messages;
    }

    // The service's own consumer; the clock runs from the first delivery to the last commit.
    private static async Task<TimeSpan> DrainAsync(string url, IIngest ingest, int count, CancellationToken cancel)
    {
        var counting = new CountingIngest(ingest, count);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton<IIngest>(counting);
        builder.Services.AddRabbitMqIngest(new BrokerOptions { Url = url });
        using var host = builder.Build();
        await host.StartAsync(cancel);
        try
        {
            return await counting.Done.WaitAsync(TimeSpan.FromMinutes(3), cancel);
        }
        finally
        {
            await host.StopAsync(CancellationToken.None);
        }
    }
}
