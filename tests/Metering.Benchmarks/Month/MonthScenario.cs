using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Benchmarks.Month;

/// <summary>A month of 10,000 workloads × 720 hours: rating it from the store, its cost reports and its closing, by the service as it runs in production.</summary>
internal sealed class MonthScenario : IScenario
{
    public string Name => "month";

    public string Summary => "rates, reports and closes a month of 10,000 workloads × 720 hours; parts: sqlite, postgres";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var month = options.Quick ? new MonthLedger(200, 48) : new MonthLedger(10_000, 720);
        month.Sum();
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            if (options.Wants("sqlite")) await MeasureAsync("SQLite", month, report, options, directory, $"Data Source={Path.Combine(directory, "ledger.db")}", cancel);
            if (options.Wants("postgres"))
            {
                await using var server = await PostgresServer.StartAsync(cancel);
                await MeasureAsync("PostgreSQL", month, report, options, directory, await server.ConnectionStringAsync("month", cancel), cancel);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{month.Rows:#,0} rows of nine meters, {MonthLedger.Tenants} tenants, three meters priced by four tiers; memory is the most that the service's process had in RAM, all of .NET included"));
        return report;
    }

    private static async Task MeasureAsync(string name, MonthLedger month, Report report, RunOptions options, string directory, string connectionString, CancellationToken cancel)
    {
        options.Progress($"{name}: writing {month.Rows:#,0} rows");
        var ledger = new LedgerOptions { ConnectionString = connectionString };
        await using (var store = LedgerStore.Create(ledger))
        {
            await store.OpenAsync(cancel);
            await month.FillAsync(store, cancel);
            options.Progress($"{name}: rating");
            await RateAsync(name, store, report, options.Quick ? 1 : 3, cancel);
        }

        options.Progress($"{name}: starting the service");
        var settings = new Dictionary<string, string?> { ["METERING__Ledger__ConnectionString"] = connectionString };
        await using (var product = await Product.StartAsync("service", directory, settings, cancel)) await CloseAsync(name, month, product, report, options, cancel);

        // The worst correction there is: another price for all of the month, so that each of its charges is taken back and another made.
        options.Progress($"{name}: another price for all of it");
        await using (var store = LedgerStore.Create(ledger))
        {
            await store.OpenAsync(cancel);
            await store.WriteAsync(MonthLedger.RepriceAsync, cancel);
        }

        await using var again = await Product.StartAsync("service", directory, settings, cancel);
        await CorrectAsync(name, again, report, options, cancel);
    }

    private static async Task CloseAsync(string name, MonthLedger month, Product product, Report report, RunOptions options, CancellationToken cancel)
    {
        var rolled = Stopwatch.GetTimestamp();
        while (!await product.IsRolledAsync(cancel)) await Task.Delay(200, cancel);
        report.Add($"{name}: roll-up of the month made in the background", "s", [Stopwatch.GetElapsedTime(rolled).TotalSeconds]);
        options.Progress($"{name}: cost reports");
        var byTenant = new List<double>();
        JsonElement page = default;
        for (var i = 0; i < (options.Quick ? 3 : 21); i++)
        {
            var began = Stopwatch.GetTimestamp();
            page = await product.GetAsync($"v1/costs?from={MonthLedger.Period}&groupBy=tenant", cancel);
            if (i > 0) byTenant.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        report.Add($"{name}: GET /v1/costs of the month by tenant", "ms", byTenant, 100, atMost: true);
        var cost = page.GetProperty("rows").EnumerateArray().Aggregate(Amount.Zero, (sum, row) => sum + Amount.FromDecimal(row.GetProperty("cost").GetDecimal()));
        report.Checks.Add(new Check($"{name}: Σ costs = tiers of the whole quantity, in whole numbers", cost == month.Total(), $"{cost} and {month.Total()} EUR"));

        var (first, row, all, bytes) = await product.StreamAsync($"v1/costs?from={MonthLedger.Period}&groupBy=workload&step=day&format=csv&limit=all", cancel);
        report.Add($"{name}: GET /v1/costs by workload and day: first byte", "ms", [first], 200, atMost: true);
        report.Add($"{name}: the same: first row", "ms", [row]);
        report.Add($"{name}: the same: all of it", "s", [all / 1000]);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: by workload and day {bytes / 1e6:0.0} MB of CSV; {product.PeakBytes() / 1048576.0:0} MiB at most so far"));

        options.Progress($"{name}: closing");
        var closed = await IssueAsync(name, "closing the month", MonthLedger.Period, 60, product, report, cancel);
        var charged = closed.GetProperty("documents").EnumerateArray().SelectMany(document => document.GetProperty("lines").EnumerateArray()).Where(line => line.GetProperty("kind").GetString() == "usage")
            .Aggregate(Amount.Zero, (sum, line) => sum + Amount.FromDecimal(line.GetProperty("cost").GetDecimal()));
        report.Checks.Add(new Check($"{name}: Σ invoice lines of usage = the same", charged == month.Total(), $"{charged} EUR"));
    }

    private static async Task CorrectAsync(string name, Product product, Report report, RunOptions options, CancellationToken cancel)
    {
        while (!await product.IsRolledAsync(cancel)) await Task.Delay(200, cancel);
        options.Progress($"{name}: correcting");
        var closed = await IssueAsync(name, "closing the next one, which corrects all of it", MonthLedger.Next, null, product, report, cancel);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: {closed.GetProperty("documents").GetArrayLength()} notes; the corrected month's charges are each taken back and made anew"));
    }

    // Closes while batches come in.
    private static async Task<JsonElement> IssueAsync(string name, string what, string period, double? seconds, Product product, Report report, CancellationToken cancel)
    {
        product.ResetPeak();
        await using var probe = await IngestProbe.StartAsync(product, "probe-" + period, cancel);
        var began = Stopwatch.GetTimestamp();
        var closed = await product.PostAsync($"v1/periods/{period}/close", cancel);
        var took = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await probe.StopAsync();
        report.Add($"{name}: {what}", "s", [took], seconds, atMost: true);
        report.Add($"{name}: {what}: memory", "MiB", [product.PeakBytes() / 1048576.0], 512, atMost: true);
        report.Add($"{name}: {what}: longest time for a batch to be committed", "ms", [probe.Commits.Max()], 1_000, atMost: true);
        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: {what}: {probe.Commits.Count} batches meanwhile, {probe.Commits.Order().ElementAt(probe.Commits.Count / 2):0} ms at the median, the longest number {probe.Commits.IndexOf(probe.Commits.Max()) + 1}"));
        return closed;
    }

    private static async Task RateAsync(string name, LedgerStore store, Report report, int rounds, CancellationToken cancel)
    {
        PriceCatalogue prices;
        await using (var context = await store.ReadContextAsync(cancel)) prices = await PriceCatalogue.LoadAsync(context, cancel);
        var rates = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            await using var connection = await store.OpenReadAsync(cancel);
            var (rows, book) = (0L, new ChargeBook(new Rater(prices), prices, _ => { }));
            var began = Stopwatch.GetTimestamp();
            await UsageStream.ReadAsync(connection, 0, long.MaxValue / 2_000_000, (tenant, bucket, workload, values, known) =>
            {
                rows++;
                book.Add(tenant, bucket, 3600, workload, values, known);
            }, cancel);
            book.Finish([]);
            rates.Add(rows / Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        report.Add($"{name}: rows rated from the store", "rows/s", rates, 200_000);
    }
}
