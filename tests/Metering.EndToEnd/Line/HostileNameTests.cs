using System.Text;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Line;

/// <summary>Whoever may make a cgroup chooses its name; what it says must stay a name everywhere.</summary>
public sealed class HostileNameTests(UpLine line) : IClassFixture<UpLine>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Any_name_arrives_escaped_in_JSON_CSV_and_metrics_and_its_usage_is_exact()
    {
        var up = await line.GetAsync(Cancel);
        await using var parent = TestCgroup.Create();
        byte[][] names =
        [
            .. new[]
            {
                "\"double\" 'single' `back`", "=cmd|' \\C calc'!A0", "@SUM(1)", "+1", "-1", ";rm -rf ~;$(reboot)", "<script>alert(1)&amp;", @"back\slash\x41\n\", "ünïcödé 😀",
                "tab\there", "bell\a escape\e[31m", "comma,semi;colon", "right-to-left \u202egnp.exe", "\u00a0nbsp", "..." , "%2e%2e%2f{{7*7}}", new string('n', 255),
            }.Select(Encoding.UTF8.GetBytes),
            [.. "bytes "u8, 0xff], [.. "bytes "u8, 0xfe], [0xc3, 0x28], [0xed, 0xa0, 0x80], [.. Enumerable.Repeat((byte)0xf0, 255)],
        ];
        var cgroups = Array.ConvertAll(names, parent.Child);
        foreach (var cgroup in cgroups) await cgroup.BurnForAsync(TimeSpan.FromMilliseconds(60), Cancel);
        var kernel = cgroups.Select(cgroup => (decimal)cgroup.UsageMicroseconds).Order().ToArray();
        await up.Child.WaitUntilAsync(
            async token => (await up.CpuAsync(parent.Path + "/", token)).Values.Sum() == kernel.Sum(), "every hostile name was billed", TimeSpan.FromSeconds(30), Cancel);

        // JSON: as many workloads as names, each with its own figure, and no control character in any text.
        var used = await up.CpuAsync(parent.Path + "/", Cancel);
        Assert.Equal(kernel, used.Values.Order());
        Assert.All(used.Keys, path => Assert.DoesNotContain(path, char.IsControl));
        Assert.All(used.Keys, path => Assert.Equal(path, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(path))));
        Assert.Contains(used.Keys, path => path.EndsWith("/ünïcödé 😀", StringComparison.Ordinal));
        Assert.Contains(used.Keys, path => path.EndsWith("/<script>alert(1)&amp;", StringComparison.Ordinal));

        // CSV: the same number of rows and fields, no cell that a spreadsheet would run.
        var filter = Uri.EscapeDataString($"path:{parent.Path}/*");
        var csv = Csv.Parse(await up.TextAsync($"v1/usage?groupBy=workload&limit=10000&filter={filter}", "text/csv", Cancel));
        Assert.Equal(names.Length + 1, csv.Count);
        Assert.All(csv, row => Assert.Equal(csv[0].Count, row.Count));
        Assert.All(csv.SelectMany(row => row), cell => Assert.DoesNotMatch("^[=+@\t\r]|^-[^0-9]", cell));
        Assert.Equal(names.Length + 1, Csv.Parse(await up.TextAsync($"v1/workloads?limit=10000&filter={filter}", "text/csv", Cancel)).Count);

        // The command line and the scrape go on as before.
        await using var usage = MeteringProcess.Launch(["usage", "--data", up.Directory.Path, "--url", up.Url, "--filter", $"path:{parent.Path}/*"]);
        Assert.Equal(0, await usage.WaitForExitAsync(TimeSpan.FromSeconds(60), Cancel));
        Assert.DoesNotContain(usage.Output, c => char.IsControl(c) && c != '\n');
        await using var top = MeteringProcess.Launch(["top", "--once", "--data", up.Directory.Path, "--url", up.Url]);
        Assert.Equal(0, await top.WaitForExitAsync(TimeSpan.FromSeconds(60), Cancel));
        Assert.DoesNotContain(top.Output, c => char.IsControl(c) && c != '\n');
        await using var prove = MeteringProcess.Launch(["prove", "--data", up.Directory.Path, "--url", up.Url, parent.Path]);
        Assert.Equal(0, await prove.WaitForExitAsync(TimeSpan.FromSeconds(60), Cancel));
        Assert.DoesNotContain(prove.Output, c => char.IsControl(c) && c != '\n');
        await Promtool.AcceptsAsync(await up.TextAsync("metrics", "text/plain", Cancel), Cancel);

        // And when they are gone, the parent's figure is the kernel's.
        foreach (var cgroup in cgroups) await cgroup.RemoveAsync();
        await up.BilledAsync(parent, Cancel);
        up.SaidNoStackTrace();
    }
}
