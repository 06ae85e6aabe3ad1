using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Metering.Benchmarks.Running;
using Metering.Service.Ledger;

namespace Metering.Benchmarks.Month;

/// <summary>
/// The pages of the web UI over the 30 days up to now of 10,000 workloads: the time until a browser has the whole first view, figures included. Each is asked when nothing of it is kept from before.
/// </summary>
internal sealed partial class PagesScenario : IScenario
{
    // Longer than any reading is kept.
    private static readonly TimeSpan Forget = TimeSpan.FromSeconds(15);
    private static readonly string[] Paths = ["/", "/explore", "/explore?measure=cpuSeconds&groupBy=workload&from=1d&step=total", "/workloads", "/hosts", "/tenants", "/tenants/tenant-03", "/quotas", "/invoices", "/prices", "/alerts", "/audit"];

    public string Name => "pages";

    public string Summary => "first view of each page over a month of 10,000 workloads, SQLite";

    public async Task<Report> RunAsync(RunOptions options, CancellationToken cancel)
    {
        var report = new Report(Name);
        var hour = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 3600 * 3600);
        var month = options.Quick ? new MonthLedger(200, 48, hour.AddHours(-48)) : new MonthLedger(10_000, 720, hour.AddHours(-720));
        var directory = Directory.CreateTempSubdirectory("metering-bench-").FullName;
        try
        {
            var connectionString = $"Data Source={Path.Combine(directory, "ledger.db")}";
            options.Progress($"writing {month.Rows:#,0} rows");
            await using (var store = LedgerStore.Create(new LedgerOptions { ConnectionString = connectionString }))
            {
                await store.OpenAsync(cancel);
                await month.FillAsync(store, cancel);
            }

            options.Progress("starting the service");
            await using var product = await Product.StartAsync("service", directory, new Dictionary<string, string?> { ["METERING__Ledger__ConnectionString"] = connectionString }, cancel);
            while (!await product.IsRolledAsync(cancel)) await Task.Delay(200, cancel);
            using var browser = await SignInAsync(product.Url, cancel);
            foreach (var path in Paths)
            {
                options.Progress(path);
                var took = new List<double>();
                for (var i = 0; i < (options.Quick ? 1 : 3); i++)
                {
                    if (i > 0) await Task.Delay(Forget, cancel);
                    var began = Stopwatch.GetTimestamp();
                    var page = await browser.GetStringAsync(new Uri(path, UriKind.Relative), cancel);
                    took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                    if (!page.Contains("</main>", StringComparison.Ordinal) || page.Contains("can not be read", StringComparison.Ordinal)) throw new InvalidOperationException($"{path} is no page with figures.");
                }

                report.Add("first view of " + path, "ms", took, path == "/" ? 1_000 : null, atMost: true);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        report.Notes.Add(string.Create(CultureInfo.InvariantCulture, $"{month.Rows:#,0} rows of nine meters, {MonthLedger.Tenants} tenants; until the last byte of the page, which holds its figures"));
        return report;
    }

    private static async Task<HttpClient> SignInAsync(string url, CancellationToken cancel)
    {
        var browser = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() }) { BaseAddress = new Uri(url), Timeout = TimeSpan.FromMinutes(2) };
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        var form = Hidden().Match(await browser.GetStringAsync(new Uri("/sign-in", UriKind.Relative), cancel));
        using var content = new FormUrlEncodedContent([new(form.Groups[1].Value, form.Groups[2].Value), new("key", Product.AdminKey)]);
        using var answer = await browser.PostAsync(new Uri("/sign-in", UriKind.Relative), content, cancel);
        answer.EnsureSuccessStatusCode();
        return browser;
    }

    [GeneratedRegex("type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]+)\"")]
    private static partial Regex Hidden();
}
