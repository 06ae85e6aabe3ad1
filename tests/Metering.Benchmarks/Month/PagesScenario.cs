using System.Diagnostics;
using System.Globalization;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Ui;
using Metering.Service.Ledger;
using Microsoft.Playwright;

namespace Metering.Benchmarks.Month;

/// <summary>
/// The pages of the web UI and the API behind them over the 30 days up to now of 10,000 workloads, while their hosts go on shipping: in Chromium, the time from the click to the figures on the screen; of the
/// API, to the last byte. Each is asked when nothing of it is kept from before, and the pages once more at once.
/// </summary>
internal sealed class PagesScenario : IScenario
{
    // A reading is kept for ten times as long as it took.
    private const int Kept = 11;
    private static readonly TimeSpan Forget = TimeSpan.FromSeconds(3);

    /// <summary>The pages, each with what stands in it only with figures.</summary>
    private static readonly (string Path, string Figures)[] Pages =
    [
        ("/", "#tile-cost .figure:not(.none)"), ("/explore", "#explored td span[title]"),
        ("/workloads", "#workloads td .cpu"), ("/hosts", "#hosts td"), ("/tenants", "#tenants td a"), ("/tenants/tenant-03", ".tile .figure"),
        ("/quotas", "#quotas td"), ("/invoices", "#invoices td"), ("/prices", "#books td"), ("/alerts", "#alerts td"), ("/audit", "#audit td"),
        ("/settings?tab=rules", "#rules td"),

        // No first views, but what people ask next.
        ("/explore?measure=cpuSeconds&groupBy=workload&from=1d&step=total", "#explored td span[title]"), ("/explore?measure=cost&groupBy=workload&from=1d&step=total", "#explored td span[title]"),
        ("/explore?measure=cpuSeconds&groupBy=tenant&from=30d&step=day", "#explored td span[title]"), ("/explore?measure=cpuSeconds&groupBy=workload&from=30d&step=total", "#explored td span[title]"),
        ("/explore?measure=cost&groupBy=workload&from=30d&step=total", "#explored td span[title]"), ("/explore?measure=cost&groupBy=host&from=30d&step=day", "#explored td span[title]"),
        ("/invoices?state=draft", "#invoices td a.name"),
    ];

    private static readonly string[] Routes =
    [
        "v1/usage?from=30d&groupBy=tenant&step=day", "v1/usage?from=30d&groupBy=workload&limit=10000", "v1/usage?from=1d&groupBy=workload&limit=10000", "v1/usage?from=1d&step=hour",
        "v1/usage?from=30d&step=day&filter=host:host-007&groupBy=workload&limit=10000", "v1/costs?from=30d&groupBy=tenant&step=day", "v1/costs?from=1d&groupBy=workload&limit=10000", "v1/costs?from=30d&groupBy=workload&limit=10000",
        "v1/costs?from=30d&groupBy=host&step=day", "v1/costs?from=30d&filter=tenant:tenant-03&groupBy=workload", "v1/costs/forecast?groupBy=tenant", "v1/hosts", "v1/workloads?limit=10000",
    ];

    public string Name => "pages";

    public string Summary => "first view of each page, and the API behind, over a month of 10,000 workloads, SQLite; parts: pages, api";

    public string Usage => "  --ledger=DIR       keeps the ledger there, and takes it when it is there already\n  --look=PATH,...    of the pages, only these\n  --times=N          how often each is asked; 3 unless told";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var hour = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 3600 * 3600);
        var (workloads, hours) = options.Quick ? (200, 48) : (10_000, 720);
        var kept = options.Value("ledger");
        var directory = kept is null ? Directory.CreateTempSubdirectory("metering-bench-").FullName : Directory.CreateDirectory(kept).FullName;
        try
        {
            var file = Path.Combine(directory, "ledger.db");
            if (!File.Exists(file)) await FillAsync(new MonthLedger(workloads, hours, hour.AddHours(-hours)), file, hour, options, cancel);
            options.Progress("starting the service");
            await using var product = await Product.StartAsync("service", directory, new Dictionary<string, string?> { ["METERING__Ledger__ConnectionString"] = $"Data Source={file}" }, cancel);
            var rolled = Stopwatch.GetTimestamp();
            while (!await product.IsRolledAsync(cancel)) await Task.Delay(200, cancel);
            report.Add("the roll-ups, made in the background", "s", [Stopwatch.GetElapsedTime(rolled).TotalSeconds]);
            options.Progress("the hosts ship");
            await using var fleet = await LiveFleet.StartAsync(product, workloads, cancel);
            if (options.Wants("pages")) await LookAsync(product, report, options, cancel);
            if (options.Wants("api")) await AskAsync(product, report, options, cancel);
            report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{product.PeakBytes() / 1048576.0:0} MiB of memory at most"));
        }
        finally
        {
            if (kept is null) Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{(long)workloads * hours:#,0} rows of nine meters, {MonthLedger.Tenants} tenants; {workloads / MonthLedger.PerHost} hosts ship every ten seconds meanwhile"));
        return report;
    }

    private static async Task FillAsync(MonthLedger month, string file, DateTimeOffset hour, RunOptions options, CancellationToken cancel)
    {
        options.Progress($"writing {month.Rows:#,0} rows");
        await using var store = LedgerStore.Create(new LedgerOptions { ConnectionString = $"Data Source={file}" });
        await store.OpenAsync(cancel);
        await month.FillAsync(store, cancel);
        await store.WriteAsync(transaction => transaction.ExecuteAsync("UPDATE agent SET last_window_end = @now, last_seen_at = @now", ("@now", hour.ToUnixTimeSeconds() * 1_000_000)), cancel);
    }

    private static async Task LookAsync(Product product, Report report, RunOptions options, CancellationToken cancel)
    {
        await using var browser = await Chromium.StartAsync(product.Url);
        var page = await browser.NewPageAsync();
        page.SetDefaultTimeout(120_000);
        await page.GotoAsync("/sign-in");
        await page.GetByLabel("API key").FillAsync(Product.AdminKey);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await page.GotoAsync("/audit");
        var chosen = options.Value("look")?.Split(',');
        var times = options.Quick ? 1 : options.Value("times") is { } given ? int.Parse(given, CultureInfo.InvariantCulture) : 3;
        foreach (var (path, figures) in Pages.Where(one => chosen is null || chosen.Contains(one.Path)))
        {
            var (cold, warm) = (new List<double>(), new List<double>());
            for (var i = 0; i < times; i++)
            {
                // Where nobody looks, nothing is read.
                await page.GotoAsync("about:blank");
                if (!options.Quick) await Task.Delay(Forget + TimeSpan.FromMilliseconds(Kept * cold.LastOrDefault()), cancel);
                cold.Add(await SeeAsync(page, path, figures));
                warm.Add(await SeeAsync(page, path, figures));
            }

            options.Progress(string.Create(CultureInfo.InvariantCulture, $"{path}: {cold.Max():0} ms, again {warm.Max():0} ms at most"));
            report.Add("first view of " + path, "ms", cold, 1_000, atMost: true);
            report.Add("  again at once", "ms", warm, 1_000, atMost: true);
        }

        foreach (var complaint in browser.Complaints.Distinct()) report.Notes.Add(complaint);
    }

    // In the browser's own time, from the beginning of the navigation.
    private static async Task<double> SeeAsync(IPage page, string path, string figures)
    {
        await page.GotoAsync(path, new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
        await page.Locator(figures).First.WaitForAsync();
        return await page.EvaluateAsync<double>("() => Math.max(performance.now(), ...performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime))");
    }

    private static async Task AskAsync(Product product, Report report, RunOptions options, CancellationToken cancel)
    {
        foreach (var route in Routes)
        {
            options.Progress(route);
            var took = new List<double>();
            for (var i = 0; i < (options.Quick ? 1 : 3); i++)
            {
                var (_, _, all, _) = await product.StreamAsync(route, cancel);
                took.Add(all);
            }

            report.Add("GET /" + route, "ms", took);
        }
    }
}
