using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Text.Json;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary><c>metering export focus</c> against a real <c>metering up</c>: this host's month so far.</summary>
public sealed class FocusExportTests(MeteringUp up) : IClassFixture<MeteringUp>, IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-focus-").FullName;
    private static readonly string Month = TimeProvider.System.GetUtcNow().ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture);

    private static readonly (string Kind, string Text)[] Configuration =
    [
        ("prices", """
            book: standard
            versions:
              - version: 1
                currency: EUR
                prices:
                  - { meter: cpuSeconds, unit: Core-Hours, model: graduated, tiers: [{ upTo: 0.001, price: 0.04 }, { price: 0.03 }] }
                  - { model: flat, unit: Months, price: 49 }
            """),
        ("tenants", "tenants: [{ id: acme, name: \"Acme, Inc\", priceBook: standard }]\n"),
        ("ownership", "rules: [{ match: { path: \"*\" }, tenant: acme, project: shop }]\n"),
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        foreach (var (kind, text) in Configuration)
        {
            var file = Path.Combine(_directory, kind + ".yaml");
            await File.WriteAllTextAsync(file, text, Cancel);
            var (code, output, errors) = await up.RunAsync(Cancel, kind, "apply", "-f", file);
            Assert.True(code == 0, output + errors);
        }
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task A_directory_gets_every_dataset_the_metadata_and_the_report_of_the_check()
    {
        var output = Path.Combine(_directory, "out") + "/";

        var (code, _, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", Month, "-o", output, "--gzip");

        Assert.True(code == 0, errors);
        Assert.Contains("Conforms to FOCUS 1.4", errors);
        Assert.Equal(["billing-period.csv.gz", "conformance.json", "cost-and-usage.csv.gz", "invoice-detail.csv.gz", "metadata.json"], Directory.GetFiles(output).Select(file => Path.GetFileName(file)[14..]).Order(StringComparer.Ordinal));
        using var rows = new StreamReader(new GZipStream(File.OpenRead($"{output}focus-{Month}-cost-and-usage.csv.gz"), CompressionMode.Decompress));
        Assert.StartsWith("AllocatedMethodId,", await rows.ReadLineAsync(Cancel));
        Assert.Contains("\"Acme, Inc\"", await rows.ReadToEndAsync(Cancel));
        var report = JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync($"{output}focus-{Month}-conformance.json", Cancel));
        Assert.Equal(0, report.GetProperty("violated").GetInt32());
        Assert.True(report.GetProperty("rows").GetProperty("cost-and-usage").GetInt64() > 0);
    }

    [Fact]
    public async Task Standard_output_gets_chosen_columns_and_a_file_the_profile_that_was_asked_for()
    {
        var (code, output, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", Month, "--columns", "ServiceName,BilledCost", "--check");
        Assert.True(code == 0, errors);
        Assert.StartsWith("ServiceName,BilledCost\r\n", output);

        var file = Path.Combine(_directory, "old.csv");
        (code, _, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", Month, "--profile", "1.2", "--grain", "day", "-o", file, "--check");
        Assert.True(code == 0, errors);
        var header = (await File.ReadAllLinesAsync(file, Cancel))[0].Split(',');
        Assert.Contains("ProviderName", header);
        Assert.DoesNotContain("ServiceProviderName", header);
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_told_at_once_and_nothing_is_written()
    {
        var file = Path.Combine(_directory, "none.csv");

        var (code, _, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", "October", "--profile", "2", "--columns", "BiledCost", "--grain", "year", "-o", file);

        Assert.Equal(2, code);
        foreach (var word in (string[])["'--period' is 'October'", "'--profile' is '2'", "near are BilledCost", "'--grain' is 'year'"]) Assert.Contains(word, errors);
        Assert.False(File.Exists(file));
    }

    [Fact]
    public async Task A_full_disk_leaves_what_was_there_before()
    {
        MeteringUp.RequireCgroups();
        var small = Directory.CreateDirectory(Path.Combine(_directory, "small")).FullName;
        using (var mount = Process.Start("mount", ["-t", "tmpfs", "-o", "size=12k", "tmpfs", small])) await mount.WaitForExitAsync(Cancel);
        try
        {
            var file = Path.Combine(small, "month.csv");
            await File.WriteAllTextAsync(file, "before", Cancel);

            var (code, _, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", Month, "-o", file);

            Assert.True(code == 1, errors);
            Assert.Contains("No space left", errors);
            Assert.Equal("before", await File.ReadAllTextAsync(file, Cancel));
            Assert.Equal([file], Directory.GetFiles(small));
        }
        finally
        {
            using var unmount = Process.Start("umount", [small]);
            await unmount.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Theory]
    [InlineData("invoice-detail", "InvoiceId,BilledCost,PaymentTerms")]
    [InlineData("billing-period", "BillingPeriodStart,BillingPeriodStatus")]
    [InlineData("cost-and-usage", "ServiceName,BilledCost")]
    public async Task Chosen_columns_of_any_dataset_go_into_a_directory_and_the_metadata_tells_them(string dataset, string columns)
    {
        var output = Path.Combine(_directory, "chosen") + "/";

        var (code, _, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", Month, "--dataset", dataset, "--columns", columns, "-o", output);

        Assert.True(code == 0, errors);
        Assert.Equal(new[] { $"focus-{Month}-conformance.json", $"focus-{Month}-{dataset}.csv", $"focus-{Month}-metadata.json" }.Order(StringComparer.Ordinal), Directory.GetFiles(output).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.Equal(columns, (await File.ReadAllLinesAsync($"{output}focus-{Month}-{dataset}.csv", Cancel))[0]);
        var metadata = JsonSerializer.Deserialize<JsonElement>(await File.ReadAllTextAsync($"{output}focus-{Month}-metadata.json", Cancel));
        var schema = metadata.GetProperty("Schema").EnumerateArray().Single(one => one.GetProperty("DatasetInstanceId").GetString() == "metering-" + dataset);
        Assert.Equal(columns, string.Join(',', schema.GetProperty("ColumnDefinition").EnumerateArray().Select(column => column.GetProperty("ColumnName").GetString())));
    }

    [Fact]
    public async Task Metadata_alone_goes_into_a_file_or_a_directory_and_what_does_not_fit_it_is_refused()
    {
        var output = Path.Combine(_directory, "described") + "/";

        var (code, _, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", Month, "--dataset", "metadata", "--columns", "BilledCost", "-o", output);
        Assert.True(code == 0, errors);
        Assert.Equal([$"{output}focus-{Month}-metadata.json"], Directory.GetFiles(output));

        (code, _, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", Month, "--dataset", "metadata", "--columns", "PaymentTerms", "--check", "-o", output + "month.json.gz");
        Assert.Equal(2, code);
        foreach (var word in (string[])["'--columns' has 'PaymentTerms'", "'--gzip' is for tables", "'--check' is for tables"]) Assert.Contains(word, errors);
        Assert.Single(Directory.GetFiles(output));
    }

    [Fact]
    public async Task Killed_midway_what_was_there_before_is_there_and_nothing_else_has_the_name()
    {
        var (file, fresh) = (Path.Combine(_directory, "month.csv"), Path.Combine(_directory, "killed") + "/");
        await File.WriteAllTextAsync(file, "before", Cancel);
        foreach (var output in (string[])[file, fresh])
        {
            // The service itself, behind a line that stops in the middle of the rows.
            await using var line = new StallingLine(new Uri(up.Url), stopAfter: 1_000);
            var environment = new Dictionary<string, string?> { ["METERING_URL"] = line.Url, ["METERING_KEY"] = (await File.ReadAllTextAsync(Path.Combine(up.DataDirectory, "admin.key"), Cancel)).Trim() };
            await using var export = ChildProcess.Start("dotnet", [Path.Combine(AppContext.BaseDirectory, "metering.dll"), "export", "focus", "--period", Month, "-o", output], environment);
            await export.WaitUntilAsync(_ => Task.FromResult(line.IsStopped && Pending(output).Length > 0), "rows on their way", TimeSpan.FromSeconds(60), Cancel);

            export.Kill();
            Assert.Equal(137, await export.WaitForExitAsync(TimeSpan.FromSeconds(20), Cancel));
        }

        Assert.Equal("before", await File.ReadAllTextAsync(file, Cancel));
        Assert.DoesNotContain(Directory.GetFiles(fresh), name => !Path.GetFileName(name).StartsWith('.'));
        var (code, _, errors) = await up.RunAsync(Cancel, "export", "focus", "--period", Month, "-o", file);
        Assert.True(code == 0, errors);
        Assert.StartsWith("AllocatedMethodId,", await File.ReadAllTextAsync(file, Cancel));

        static string[] Pending(string output) => Directory.Exists(Path.GetDirectoryName(output)!) ? Directory.GetFiles(Path.GetDirectoryName(output)!, ".*.tmp") : [];
    }

    [Fact]
    public async Task Over_http_it_is_compressed_for_who_takes_that_and_strangers_get_none()
    {
        using var http = new HttpClient(new HttpClientHandler { AutomaticDecompression = DecompressionMethods.None });
        var url = $"{up.Url}/v1/exports/focus?period={Month}&grain=day";
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(new Uri(url), Cancel)).StatusCode);
        http.DefaultRequestHeaders.Authorization = new("Bearer", (await File.ReadAllTextAsync(Path.Combine(up.DataDirectory, "admin.key"), Cancel)).Trim());
        var plain = await http.GetStringAsync(new Uri(url), Cancel);

        http.DefaultRequestHeaders.AcceptEncoding.ParseAdd("gzip");
        using var encoded = await http.GetAsync(new Uri(url), Cancel);
        Assert.Equal(["gzip"], encoded.Content.Headers.ContentEncoding);
        Assert.StartsWith(plain[..200], await UnpackAsync(encoded));
        using var file = await http.GetAsync(new Uri(url + "&gzip=true"), Cancel);
        Assert.Equal("application/gzip", file.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith(plain[..200], await UnpackAsync(file));
        using var refused = await http.GetAsync(new Uri($"{up.Url}/v1/exports/focus?period={Month}&dataset=invoices&version=1.4&columns=Cost"), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("near are", await refused.Content.ReadAsStringAsync(Cancel));
        var report = JsonSerializer.Deserialize<JsonElement>(await http.GetStringAsync(new Uri($"{up.Url}/v1/exports/focus?period={Month}&dataset=conformance"), Cancel));
        Assert.True(report.GetProperty("conforms").GetBoolean());
    }

    private static async Task<string> UnpackAsync(HttpResponseMessage response)
    {
        using var reader = new StreamReader(new GZipStream(await response.Content.ReadAsStreamAsync(Cancel), CompressionMode.Decompress));
        return await reader.ReadToEndAsync(Cancel);
    }
}
