using System.Net.Http.Headers;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary>What a person at a terminal gets and a program does not; and what neither gets from hostile names.</summary>
public sealed class PersonTests(MeteringUp up) : IClassFixture<MeteringUp>
{
    private const string Terminal = "/usr/bin/script";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task On_a_terminal_there_are_colours_unless_they_are_not_wanted()
    {
        Assert.Contains("\u001b[1m", await AtTerminalAsync("keys list"));
        Assert.DoesNotContain("\u001b[1m", await AtTerminalAsync("keys list", "NO_COLOR=1 "));
        Assert.DoesNotContain('\u001b', (await up.RunAsync(Cancel, "keys", "list")).Output);
    }

    [Fact]
    public async Task Long_work_shows_how_far_it_is_on_a_terminal_only()
    {
        Assert.Contains("sending", await AtTerminalAsync("simulate --hosts 2 --workloads 5 --passes 100 --seed 77"));
        Assert.Matches(@"receipts +\[#*\.*\]", await AtTerminalAsync("verify"));
        var month = TimeProvider.System.GetUtcNow().ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture);
        Assert.Contains($"closing {month} [", await AtTerminalAsync($"periods close {month}", code: 1));
        Assert.Matches("cost-and-usage .*rows/s", await AtTerminalAsync($"export focus --period {month} -o {Path.Combine(up.DataDirectory, "out")}/"));
        foreach (var work in (string[][])[["simulate", "--hosts", "2", "--workloads", "5", "--passes", "20", "--seed", "78"], ["verify"]])
        {
            var (code, output, errors) = await up.RunAsync(Cancel, work);
            Assert.True(code == 0, output + errors);
            Assert.Equal("", errors);
        }
    }

    [Fact]
    public async Task Names_that_would_steer_a_terminal_come_out_inert()
    {
        const string Evil = "\u001b[2Jgone\u0007\u009b31m";
        var batch = new BatchMaker("hostile-cli").Next(3600);
        batch.Batch.Workloads[0].Name = Evil;
        batch.Batch.Workloads[0].Path = "/" + Evil;
        batch.Batch.Workloads[0].Labels["team"] = Evil;
        using var client = new HttpClient { BaseAddress = new Uri(up.Url) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(up.DataDirectory, "admin.key"), Cancel)).Trim());
        Assert.Equal(System.Net.HttpStatusCode.OK, (await batch.PostAsync(client, Cancel)).Status);

        foreach (var command in (string[])["usage", "usage --group-by label:team", "cost --group-by workload", "top --once"])
        {
            var shown = await AtTerminalAsync(command);
            Assert.DoesNotContain("\u001b[2J", shown);
            Assert.DoesNotContain('\u0007', shown);
            Assert.DoesNotContain('\u009b', shown);
            if (command != "top --once") Assert.Contains("gone", shown);
        }
    }

    [Fact]
    public async Task A_service_that_is_away_is_told_with_a_remedy()
    {
        foreach (var command in (string[][])[["usage"], ["top"], ["quotas", "list"], ["periods", "close", "2026-10"], ["export", "focus", "--period", "2026-10"], ["simulate"], ["timeseries", "rebuild"], ["run", "--", "true"]])
        {
            var (code, output, errors) = await up.RunAsync(Cancel, [command[0], .. command[1..].TakeWhile(word => word != "--"), "--url", "http://127.0.0.1:1", .. command.SkipWhile(word => word != "--")]);
            Assert.True(code == 1, $"{string.Join(' ', command)} ended with {code}: {output}{errors}");
            Assert.Contains("can not be reached", errors);
            Assert.Contains("start it with 'metering up', or give --url", errors);
        }
    }

    private async Task<string> AtTerminalAsync(string command, string environment = "", int code = 0)
    {
        Assert.True(File.Exists(Terminal), "script of util-linux is missing");
        await using var child = ChildProcess.Start(Terminal, ["-qec", $"stty cols 200; unset NO_COLOR; {environment}TERM=xterm {up.CommandLine} {command}", "/dev/null"]);
        var ended = await child.WaitForExitAsync(TimeSpan.FromSeconds(90), Cancel);
        return ended == code ? child.Output : throw new InvalidOperationException($"{command} ended with {ended}:\n{child.Output}");
    }
}
