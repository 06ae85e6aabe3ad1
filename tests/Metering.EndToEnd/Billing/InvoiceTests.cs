using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.EndToEnd.Ui;
using Metering.Tests.Support;
using Microsoft.Playwright;
using Xunit;

namespace Metering.EndToEnd.Billing;

/// <summary>Invoices of a closed month as a customer and as finance see them.</summary>
public sealed class InvoiceTests(BilledMonth month) : IClassFixture<BilledMonth>
{
    private static readonly string Pictures = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../screenshots"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_invoice_is_the_same_in_every_format()
    {
        var bytes = await month.Service.Client.GetByteArrayAsync(new Uri("v1/invoices/000001", UriKind.Relative), Cancel);
        var invoice = JsonSerializer.Deserialize<JsonElement>(bytes);
        var manifest = await month.Service.GetAsync($"v1/periods/{month.Month}/manifest", Cancel);
        Assert.Equal(manifest.GetProperty("documents")[0].GetProperty("sha256").GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        var (net, tax, total) = (invoice.GetProperty("net").GetDecimal(), invoice.GetProperty("tax").GetDecimal(), invoice.GetProperty("total").GetDecimal());
        Assert.Equal((25m, 4.75m, 24.75m), (net, tax, total));

        var csv = await month.Service.TextAsync("v1/invoices/1", "text/csv", Cancel);
        Assert.Contains("tax,VAT 19 %,,,,,,,4.75,19,25,4.75", csv);

        // By weight, and by name; and what nobody knows.
        Assert.StartsWith("<!doctype html", await month.Service.TextAsync("v1/invoices/1", "text/csv;q=0.5, text/html, */*;q=0.1", Cancel));
        Assert.StartsWith("{", await month.Service.TextAsync("v1/invoices/1", "*/*", Cancel));
        using var unknown = await month.Service.Client.GetAsync(new Uri("v1/invoices/1?format=pdf", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, unknown.StatusCode);
        Assert.Contains("it is json, csv, html or xlsx", await unknown.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_workbook_has_numbers_dates_and_texts_for_another_reader()
    {
        const string Reader = "/usr/lib/python3/dist-packages/openpyxl/__init__.py";
        ServerPackages.Require(Reader, "python3-openpyxl");
        using var directory = new TestDirectory();
        var file = Path.Combine(directory.Path, "invoice.xlsx");
        var (exit, output) = await CliAsync("invoices", "show", "1", "--format", "xlsx", "-o", file);
        Assert.True(exit == 0, output);

        const string Script = """
            import openpyxl, sys, json
            book = openpyxl.load_workbook(sys.argv[1])
            print(json.dumps([[[cell.value if cell.data_type in 'sn' else cell.value.isoformat()[:10], cell.data_type, cell.number_format] for cell in row if cell.value is not None] for sheet in book for row in sheet.iter_rows()]))
            """;
        var rows = JsonSerializer.Deserialize<JsonElement>(await ChildProcess.RunAsync("/usr/bin/python3", ["-W", "error", "-c", Script, file], TimeSpan.FromSeconds(30), Cancel)).EnumerateArray().Select(row => row.EnumerateArray().ToList()).Where(row => row.Count > 0).ToList();

        Assert.DoesNotContain(rows.SelectMany(row => row), cell => cell[1].GetString() == "f");
        Assert.Equal((BilledMonth.Name, "s"), Fact("Customer"));
        Assert.Equal("d", Fact("Issued").Type);
        var toPay = rows.Single(row => row[0][0].GetString() == "To pay")[1];
        Assert.Equal((24.75m, "n", "#,##0.00"), (toPay[0].GetDecimal(), toPay[1].GetString(), toPay[2].GetString()));
        var total = rows.Single(row => row[0][0].GetString() == "total")[^1];
        Assert.Equal(24.75m, total[0].GetDecimal());

        (string? Value, string? Type) Fact(string name) => rows.Single(row => row[0][0].GetString() == name)[1] is var cell ? (cell[0].GetString(), cell[1].GetString()) : default;
    }

    [Fact]
    public async Task A_printed_invoice_is_a_document_on_A4_and_hostile_texts_are_texts()
    {
        ServerPackages.Require("/usr/bin/chromium", "chromium");
        ServerPackages.Require("/usr/bin/pdftotext", "poppler-utils");
        using var directory = new TestDirectory();
        await using var browser = await Chromium.StartAsync(month.Service.Url);
        var page = await browser.NewPageAsync(width: 900, height: 1270);
        await page.SetContentAsync(await month.Service.TextAsync("v1/invoices/1", "text/html", Cancel));

        Assert.Equal(BilledMonth.Name, await page.Locator(".to strong").InnerTextAsync());
        Assert.Equal(0, await page.Locator(".to b").CountAsync());
        var widths = await page.EvaluateAsync<double[]>("() => [document.documentElement.scrollWidth, window.innerWidth]");
        Assert.True(widths[0] <= widths[1], $"The page is {widths[0]} wide, the window {widths[1]}.");
        Assert.Equal("right", await page.Locator("table").First.Locator("td.n").First.EvaluateAsync<string>("cell => getComputedStyle(cell).textAlign"));
        Directory.CreateDirectory(Pictures);
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Pictures, "invoice.png"), FullPage = true });

        var pdf = Path.Combine(Pictures, "invoice.pdf");
        await page.PdfAsync(new PagePdfOptions { Path = pdf, PreferCSSPageSize = true });
        var info = await ChildProcess.RunAsync("/usr/bin/pdfinfo", [pdf], TimeSpan.FromSeconds(30), Cancel);
        Assert.Matches(@"Pages:\s+1\n", info);
        Assert.Contains("(A4)", info);
        var text = Regex.Replace(await ChildProcess.RunAsync("/usr/bin/pdftotext", ["-layout", pdf, "-"], TimeSpan.FromSeconds(30), Cancel), @" +", " ");
        foreach (var part in (string[])["Example Hosting GmbH", "10115 Berlin", "DE 123 456 789", BilledMonth.Name, "GB 999 9999 73", "PO 4711", "Number 000001", "VAT 19 % on 25.00 4.75", "Credit welcome \u22125.00", "Total to pay EUR 24.75", "Up to the minimum", "IBAN DE00", "Page 1 of 1", "100 % of the CPU time is an estimate"])
            Assert.Contains(part, text);
        Assert.Empty(browser.Complaints);
    }

    [Fact]
    public async Task A_tenants_key_sees_its_own_documents_and_another_ones_are_not_there()
    {
        using var acme = Client(month.KeyOfAcme);
        using var other = Client(month.KeyOfOther);
        var list = JsonSerializer.Deserialize<JsonElement>(await other.GetStringAsync(new Uri("v1/invoices", UriKind.Relative), Cancel)).GetProperty("invoices");
        Assert.All(list.EnumerateArray(), one => Assert.Equal("other", one.GetProperty("tenant").GetString()));
        Assert.NotEmpty(list.EnumerateArray());
        var preview = JsonSerializer.Deserialize<JsonElement>(await other.GetStringAsync(new Uri($"v1/periods/{month.Month}", UriKind.Relative), Cancel));
        Assert.All(preview.GetProperty("documents").EnumerateArray(), one => Assert.Equal("other", one.GetProperty("tenant").GetProperty("id").GetString()));
        Assert.Empty(preview.GetProperty("hosts").EnumerateArray());

        foreach (var path in (string[])["v1/invoices/{0}", "v1/invoices/{0}?format=html", "v1/invoices/{0}?format=xlsx", "v1/invoices/{0}/state", "v1/invoices/{0}/charges"])
        {
            Assert.Equal(HttpStatusCode.OK, (await AnswerAsync(acme, HttpMethod.Get, string.Format(System.Globalization.CultureInfo.InvariantCulture, path, "000001"))).Status);
            var (foreign, absent) = (await AnswerAsync(other, HttpMethod.Get, string.Format(System.Globalization.CultureInfo.InvariantCulture, path, "000001")), await AnswerAsync(other, HttpMethod.Get, string.Format(System.Globalization.CultureInfo.InvariantCulture, path, "999999")));
            Assert.Equal((HttpStatusCode.NotFound, "application/problem+json"), (foreign.Status, foreign.Type));
            Assert.Equal(WithoutTrace(absent.Body).Replace("999999", "000001"), WithoutTrace(foreign.Body));
            Assert.Equal(absent.Status, foreign.Status);
        }

        var mine = JsonSerializer.Deserialize<JsonElement>((await AnswerAsync(acme, HttpMethod.Get, "v1/invoices/1/charges")).Body)[0].GetProperty("id").GetString();
        Assert.Equal(HttpStatusCode.OK, (await AnswerAsync(acme, HttpMethod.Get, $"v1/charges/{mine}/explain")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await AnswerAsync(other, HttpMethod.Get, $"v1/charges/{mine}/explain")).Status);

        // What changes or shows all of it takes another role.
        foreach (var (method, path) in new[] { (HttpMethod.Post, "v1/invoices/1/void"), (HttpMethod.Post, "v1/invoices/1/reissue"), (HttpMethod.Post, $"v1/periods/{month.Month}/close"), (HttpMethod.Get, $"v1/periods/{month.Month}/manifest"), (HttpMethod.Get, "v1/periods"), (HttpMethod.Get, "v1/allocation"), (HttpMethod.Put, "v1/allocation") })
        {
            var (status, type, _) = await AnswerAsync(acme, method, path, "{}");
            Assert.Equal((HttpStatusCode.Forbidden, "application/problem+json"), (status, type));
        }
    }

    [Fact]
    public async Task What_can_not_be_is_told_as_a_problem()
    {
        foreach (var (method, path, body, status, says) in new[]
        {
            (HttpMethod.Get, "v1/periods/2026-13", null, 400, "'2026-13' is no month"),
            (HttpMethod.Post, "v1/periods/2099-01/close", "{}", 409, "is not over before"),
            (HttpMethod.Get, "v1/periods/2099-01/manifest", null, 404, "no closed period '2099-01'"),
            (HttpMethod.Get, "v1/invoices?limit=0", null, 400, "'limit' is 0"),
            (HttpMethod.Get, "v1/invoices?cursor=x", null, 400, "'cursor' is none of ours"),
            (HttpMethod.Get, "v1/invoices/nonsense", null, 404, "no invoice 'nonsense'"),
            (HttpMethod.Post, "v1/invoices/1/void", "{}", 400, "'reason' is missing"),
            (HttpMethod.Post, "v1/invoices/999/void", """{"reason":"x"}""", 404, "no invoice '999'"),
            (HttpMethod.Post, "v1/invoices/2/reissue", null, 409, "is issued, not voided"),
            (HttpMethod.Get, "v1/charges/nonsense/explain", null, 404, "no charge 'nonsense'"),
            (HttpMethod.Put, "v1/allocation", """{"versions":[{"currency":"XXX","idle":"half","hosts":[{"perHour":-1}]}]}""", 422, "versions[0].hosts[0].perHour -1 is out of range"),
            (HttpMethod.Put, "v1/tenants/acme/contract?force=true", """{"terms":[{"taxRate":101,"model":"barter"}]}""", 422, "terms[0].model 'barter' is unknown"),
            (HttpMethod.Get, "v1/costs?allocation=all", null, 400, "'allocation' is 'all'"),
        })
        {
            var answer = await AnswerAsync(month.Service.Client, method, path, body);
            Assert.True((int)answer.Status == status && answer.Type == "application/problem+json" && JsonSerializer.Deserialize<JsonElement>(answer.Body).GetProperty("detail").GetString()!.Contains(says, StringComparison.Ordinal), $"{path}: {answer}");
        }
    }

    [Fact]
    public async Task Shares_of_hosts_are_asked_for_by_api_and_command()
    {
        await month.PutAsync("v1/allocation?force=true", new { versions = new[] { new { currency = "EUR", idle = "keep", hosts = new[] { new { match = new { host = "billed" }, perHour = 1.5m, cpuShare = 1, cores = 1 } } } } });

        var page = await month.Service.GetAsync($"v1/costs?allocation=hosts&from={month.Month}&groupBy=tenant", Cancel);
        var (exit, output) = await CliAsync("cost", "--allocation", "hosts", "--from", month.Month, "--group-by", "tenant,host", "--format", "csv");

        var days = DateTime.DaysInMonth(int.Parse(month.Month[..4], System.Globalization.CultureInfo.InvariantCulture), int.Parse(month.Month[5..], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(days * 36m, page.GetProperty("rows").EnumerateArray().Sum(row => row.GetProperty("cost").GetDecimal()));
        Assert.Equal(["__idle__", "acme", "other"], page.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("key").GetProperty("tenant").GetString()));
        Assert.True(exit == 0 && output.Contains("acme,billed,EUR", StringComparison.Ordinal), output);
    }

    [Fact]
    public async Task An_invoice_is_voided_and_issued_anew_by_command_and_says_so()
    {
        await using var own = new BilledMonthOwner();
        await own.Month.InitializeAsync();
        var service = own.Month.Service;
        var before = await service.Client.GetByteArrayAsync(new Uri("v1/invoices/2", UriKind.Relative), Cancel);

        Assert.Equal((0, "000002 is voided by 000003: wrong = <address>\n"), await CliAsync(service, "invoices", "void", "2", "--reason", "wrong = <address>"));
        Assert.Equal((0, "000002 is voided by 000003: wrong = <address>\n"), await CliAsync(service, "invoices", "void", "000002", "--reason", "again"));
        var (exit, output) = await CliAsync(service, "invoices", "reissue", "2");
        Assert.True(exit == 0 && output.StartsWith("invoice 000004 for", StringComparison.Ordinal), output);

        Assert.Equal(before, await service.Client.GetByteArrayAsync(new Uri("v1/invoices/2", UriKind.Relative), Cancel));
        Assert.Contains("Voided by 000003: wrong = &lt;address&gt;. Replaced by 000004", await service.TextAsync("v1/invoices/2", "text/html", Cancel));
        var list = await service.GetAsync("v1/invoices", Cancel);
        Assert.Equal(["issued", "voided", "issued", "issued"], list.GetProperty("invoices").EnumerateArray().Select(one => one.GetProperty("state").GetString()));
        Assert.Equal(0, (await CliAsync(service, "verify")).Exit);
    }

    private sealed class BilledMonthOwner : IAsyncDisposable
    {
        public BilledMonth Month { get; } = new();

        public ValueTask DisposeAsync() => Month.DisposeAsync();
    }

    private Task<(int Exit, string Output)> CliAsync(params string[] arguments) => CliAsync(month.Service, arguments);

    private static async Task<(int Exit, string Output)> CliAsync(ServiceProcess service, params string[] arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "metering.dll");
        await using var run = ChildProcess.Start("dotnet", [program, .. arguments, "--url", service.Url, "--key", service.Client.DefaultRequestHeaders.Authorization!.Parameter!]);
        return (await run.WaitForExitAsync(TimeSpan.FromSeconds(60), Cancel), run.Output + "\n");
    }

    private static string WithoutTrace(string problem) => Regex.Replace(problem, "\"traceId\":\"[^\"]*\"", "");

    private HttpClient Client(string key)
    {
        var client = new HttpClient { BaseAddress = new Uri(month.Service.Url) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    private static async Task<(HttpStatusCode Status, string? Type, string Body)> AnswerAsync(HttpClient client, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null) request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await client.SendAsync(request, Cancel);
        return (response.StatusCode, response.Content.Headers.ContentType?.MediaType, await response.Content.ReadAsStringAsync(Cancel));
    }
}
