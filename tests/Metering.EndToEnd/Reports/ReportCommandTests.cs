using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Metering.EndToEnd.Cli;
using Metering.EndToEnd.Line;
using Xunit;

namespace Metering.EndToEnd.Reports;

/// <summary><c>metering cost</c>, <c>reports</c>, <c>invoices</c> and the faults of their files, by the real command.</summary>
public sealed class ReportCommandTests(ReportedWeeks weeks) : IClassFixture<ReportedWeeks>, IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "metering.dll");
    private readonly TestDirectory _directory = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Costs_come_as_a_workbook_with_what_was_asked_beside_them_and_faults_have_a_remedy()
    {
        var file = At("costs.xlsx");
        var range = weeks.Range(7).Split('&').SelectMany(part => new[] { "--" + part.Split('=')[0], part.Split('=')[1] }).ToArray();

        var (code, _, errors) = await RunAsync(["cost", .. range, "--group-by", "tenant", "--with", "trend,idle", "-o", file]);

        Assert.True(code == 0, errors);
        var row = Assert.Single(SheetReader.Read(await File.ReadAllBytesAsync(file, Cancel)), row => row["tenant"] is "acme");
        Assert.Equal((16.8m, 16.8m, 0.75m), (row["cost"], row["previousCost"], row["cpuSecondsIdleShare"]));
        Assert.Equal([file], Directory.GetFiles(_directory.Path));
        foreach (var (arguments, exit, says) in new (string[], int, string)[]
        {
            (["cost", "--format", "xlsx"], 2, "A workbook is a file; give -o FILE.xlsx."), (["cost", "-o", At("costs.txt")], 2, "does not end in .json, .csv or .xlsx; give --format."),
            (["cost", "--with", "forecast"], 1, "'with' has 'forecast'; it may have trend, unitCosts, idle."), (["cost", "--limit", "all", "--format", "json"], 1, "take the pages by 'cursor'"),
            (["cost", "-o", At("none/costs.csv")], 1, "can not be written"), (["cost", "--group-by", "nothing", "-o", file], 1, "it may have tenant"), (["reports", "show", "none"], 1, "no scheduled report 'none'"), (["reports", "run", "none"], 1, "no scheduled report 'none'"),
            (["invoices", "show", "draft-2026-10.nobody.EUR"], 1, "no invoice 'draft-2026-10.nobody.EUR'"),
        })
        {
            var answer = await RunAsync(arguments);
            Assert.True(answer.Code == exit && answer.Errors.Contains(says, StringComparison.Ordinal), $"{string.Join(' ', arguments)}: {answer}");
        }

        Assert.Equal([file], Directory.GetFiles(_directory.Path));
    }

    [Fact]
    public async Task A_schedule_is_applied_run_delivered_to_directory_and_webhook_and_removed()
    {
        await weeks.Service.SendAsync(HttpMethod.Put, "v1/webhooks/finance", new { url = $"http://{weeks.Receiver.Address}/hook" }, Cancel);
        var file = At("reports.yaml");
        await File.WriteAllTextAsync(file, "reports:\n  - { id: weekly, report: costs, from: 7d, groupBy: tenant, format: csv, every: week, at: \"06:00\", tenant: acme, directory: finance/weekly, webhook: finance }\n", Cancel);

        Assert.Equal((0, "weekly created\n", ""), await RunAsync(["reports", "apply", "-f", file]));
        Assert.Equal((0, "weekly unchanged\n", ""), await RunAsync(["reports", "apply", "-f", file]));
        Assert.Contains("finance/weekly", (await RunAsync(["reports", "list"])).Output);
        Assert.Contains("\"groupBy\": \"tenant\"", (await RunAsync(["reports", "show", "weekly", "--format", "json"])).Output);
        var (code, output, errors) = await RunAsync(["reports", "run", "weekly"]);
        Assert.True(code == 0 && output.StartsWith("weekly is made as of ", StringComparison.Ordinal), output + errors);

        var delivered = Assert.Single(Directory.GetFiles(Path.Combine(weeks.Service.Directory.Path, "reports/finance/weekly")));
        var content = await File.ReadAllBytesAsync(delivered, Cancel);
        var rows = Csv.Parse(Encoding.UTF8.GetString(content));
        Assert.Equal("acme", Assert.Single(rows.Skip(1))[rows[0].IndexOf("tenant")]);
        await weeks.Service.Child.WaitUntilAsync(_ => Task.FromResult(!weeks.Receiver.All.IsEmpty), "the webhook was told", TimeSpan.FromSeconds(30), Cancel);
        var told = JsonSerializer.Deserialize<JsonElement>(Assert.Single(weeks.Receiver.All).Body);
        var data = told.GetProperty("data");
        Assert.Equal(("metering.report.ready", "weekly", Convert.ToHexStringLower(SHA256.HashData(content))), (told.GetProperty("type").GetString(), data.GetProperty("schedule").GetString(), data.GetProperty("sha256").GetString()));
        Assert.Equal(content, await weeks.Service.Client.GetByteArrayAsync(new Uri(data.GetProperty("path").GetString()!, UriKind.Relative), Cancel));

        Assert.Equal((0, "weekly removed\n", ""), await RunAsync(["reports", "remove", "weekly"]));
        Assert.DoesNotContain("weekly", (await RunAsync(["reports", "list"])).Output);
        Assert.Equal(1, (await RunAsync(["reports", "remove", "weekly"])).Code);
    }

    [Fact]
    public async Task Drafts_are_listed_shown_and_printed_as_drafts()
    {
        var (code, output, errors) = await RunAsync(["invoices", "list", "--state", "draft", "--format", "json"]);
        Assert.True(code == 0, errors);
        var id = JsonSerializer.Deserialize<JsonElement>(output).GetProperty("invoices").EnumerateArray().Last(one => one.GetProperty("tenant").GetString() == "acme").GetProperty("id").GetString()!;

        Assert.Contains($"{id} is draft\ninvoice {id} for ", (await RunAsync(["invoices", "show", id])).Output);
        foreach (var format in (string[])["html", "csv", "xlsx", "json"])
        {
            (code, _, errors) = await RunAsync(["invoices", "show", id, "--format", format, "-o", At("draft." + format)]);
            Assert.True(code == 0, errors);
        }

        Assert.Contains("DRAFT", await File.ReadAllTextAsync(At("draft.html"), Cancel));
        Assert.Contains(SheetReader.Read(await File.ReadAllBytesAsync(At("draft.xlsx"), Cancel)), row => row["What"] is "DRAFT, no number");
        Assert.Equal(4, Directory.GetFiles(_directory.Path).Length);
    }

    [Fact]
    public async Task A_full_disk_leaves_the_file_that_was_there()
    {
        MeteringUp.RequireCgroups();
        var small = Directory.CreateDirectory(At("small")).FullName;
        using (var mount = Process.Start("mount", ["-t", "tmpfs", "-o", "size=12k", "tmpfs", small])) await mount.WaitForExitAsync(Cancel);
        try
        {
            var file = Path.Combine(small, "costs.csv");
            await File.WriteAllTextAsync(file, "before", Cancel);

            var (code, _, errors) = await RunAsync(["cost", "--from", "16d", "--step", "hour", "--limit", "all", "-o", file]);

            Assert.True(code == 1 && errors.Contains("No space left", StringComparison.Ordinal), errors);
            Assert.Equal(("before", 1), (await File.ReadAllTextAsync(file, Cancel), Directory.GetFiles(small).Length));
        }
        finally
        {
            using var unmount = Process.Start("umount", [small]);
            await unmount.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_command_that_is_killed_or_cut_off_midway_leaves_the_file_that_was_there(bool killed)
    {
        // A service that sends half of an answer.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var file = At("costs.csv");
        await File.WriteAllTextAsync(file, "before", Cancel);
        using var run = Start(["cost", "--format", "csv", "-o", file], $"http://{listener.LocalEndpoint}");
        using (var client = await listener.AcceptTcpClientAsync(Cancel))
        {
            var stream = client.GetStream();
            await stream.ReadExactlyAsync(new byte[16], Cancel);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nstart,\r\n"u8.ToArray(), Cancel);
            for (var i = 0; Directory.GetFiles(_directory.Path).Length < 2; i++)
            {
                Assert.True(i < 300, "Nothing is being written.");
                await Task.Delay(100, Cancel);
            }

            if (killed) run.Kill();
        }

        var errors = await run.StandardError.ReadToEndAsync(Cancel);
        await run.WaitForExitAsync(Cancel);

        Assert.Equal("before", await File.ReadAllTextAsync(file, Cancel));
        if (killed) return;
        Assert.True(run.ExitCode == 1 && errors.Contains("What was there is unchanged", StringComparison.Ordinal), errors);
        Assert.Single(Directory.GetFiles(_directory.Path));
    }

    [Theory]
    [InlineData("prices", "book: x\nversions:\n  - version: 1\n    currency: XXQ\n    prices:\n      - { meter: cpuMinutes, unit: Core-Hours, price: 1 }\n      - { meter: cpuSeconds, unit: GiB, price: -1,\n          selector: { kind: nothing } }\n",
        "f:4: versions[0] (x version 1): currency 'XXQ'", "f:6: versions[0] (x version 1): prices[0].meter 'cpuMinutes' is unknown", "f:7: versions[0] (x version 1): prices[1].unit 'GiB'", "f:7: versions[0] (x version 1): prices[1].price -1", "f:8: versions[0] (x version 1): prices[1].selector matches nothing")]
    [InlineData("prices", "book: y\nversions:\n  - { version: 1, currency: EUR, validFrom: 2030-01-01, prices: [] }\n  - version: 2\n    currency: EUR\n    validFrom: 2030-02-01\n    prices: []\n", "f:6: versions[1] (y version 2): validFrom overlaps version 1", "f:3: versions[0] (y version 1): prices has 0 entries")]
    [InlineData("tenants", "tenants:\n  - id: x\n    timeZone: Mars\n    currency: QQQ\n", "f:3: tenants[0] (x): timeZone 'Mars' is unknown", "f:4: tenants[0] (x): currency 'QQQ'")]
    [InlineData("ownership", "rules:\n  - match: {}\n    tenant: acme\n  - match: { path: \"x*\" }\n    tenant: acme\n", "f:2: rules: rules[0].match has no condition", "f:4: rules: rules[1].match.path 'x*' matches nothing")]
    [InlineData("allocation", "versions:\n  - currency: XXX\n    idle: half\n    hosts:\n      - perHour: -1\n", "f:2: versions: versions[0].currency 'XXX'", "f:3: versions: versions[0].idle 'half'", "f:5: versions: versions[0].hosts[0].perHour -1")]
    [InlineData("contracts", "contracts:\n  - tenant: nobody\n    terms: [{ discount: 10 }]\n  - tenant: acme\n    terms:\n      - discount: 101\n", "f:2: contracts[0] (nobody): tenant 'nobody' is unknown", "f:6: contracts[1] (acme): terms[0].discount 101")]
    [InlineData("reports", "reports:\n  - id: x\n    report: cost\n    every: year\n    groupBy: nothing\n", "f:3: reports[0] (x): report is usage", "f:4: reports[0] (x): every is day", "f:5: reports[0] (x): 'groupBy' has 'nothing'")]
    public async Task Every_fault_of_a_file_is_told_at_once_by_file_line_and_field(string kind, string yaml, params string[] faults)
    {
        var file = At("f");
        await File.WriteAllTextAsync(file, yaml, Cancel);

        var (code, output, errors) = await RunAsync([kind, "apply", "-f", file]);

        Assert.Equal((1, ""), (code, output));
        Assert.All(faults, fault => Assert.Contains(At(fault), errors));
    }

    private string At(string name) => Path.Combine(_directory.Path, name);

    private async Task<(int Code, string Output, string Errors)> RunAsync(string[] arguments)
    {
        using var process = Start(arguments, weeks.Service.Url);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System, Cancel);
        return (process.ExitCode, await output, await errors);
    }

    private static Process Start(string[] arguments, string url) => Process.Start(new ProcessStartInfo("dotnet", [Program, .. arguments])
    {
        UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["METERING_URL"] = url, ["METERING_KEY"] = ServiceProcess.AdminKey },
    })!;
}
