using System.Text.Json;
using Xunit;

namespace Metering.EndToEnd.Cli;

/// <summary><c>metering top</c> in a real terminal, against a real <c>metering up</c>.</summary>
public sealed class TopTests(MeteringUp up) : IClassFixture<MeteringUp>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_lives_takes_keys_and_gives_the_terminal_back()
    {
        TerminalSession.Require();
        MeteringUp.RequireCgroups();
        await using var terminal = new TerminalSession();
        await terminal.StartAsync($"echo before; {up.CommandLine} top --interval 0.5; echo after $?; sleep 100", 80, 24, Cancel);

        var screen = await terminal.UntilAsync("the table", text => text.Contains("CPU▼") && text.Contains("system"), Cancel);
        Assert.DoesNotContain("before", screen);
        Assert.Contains("q quit", screen);
        Assert.Contains("unattributed", screen);
        Assert.Equal(24, screen.TrimEnd('\n').Split('\n').Length);

        await terminal.SendAsync(Cancel, "m");
        await terminal.UntilAsync("order by memory", text => text.Contains("MEMORY▼"), Cancel);
        await terminal.SendAsync(Cancel, "/", "n", "o", "s", "u", "c", "h");
        await terminal.UntilAsync("the filter", text => text.Contains("filter: nosuch_") && text.Contains("No workload matches"), Cancel);
        await terminal.SendAsync(Cancel, "Escape");
        await terminal.UntilAsync("all again", text => text.Contains("system  ") && text.Contains("q quit"), Cancel);

        await terminal.ResizeAsync(150, 40, Cancel);
        await terminal.UntilAsync("the wide table", text => text.Contains("PATH") && text.TrimEnd('\n').Split('\n').Length == 40, Cancel);

        await terminal.SendAsync(Cancel, "q");
        await terminal.UntilAsync("the screen as before", text => text.Contains("before") && text.Contains("after 0") && !text.Contains("TENANT"), Cancel);
    }

    [Fact]
    public async Task Interrupted_it_gives_the_terminal_back_too()
    {
        TerminalSession.Require();
        await using var terminal = new TerminalSession();
        await terminal.StartAsync($"echo before; trap : INT; {up.CommandLine} top; echo after; stty -a; sleep 100", 80, 24, Cancel);
        await terminal.UntilAsync("the table", text => text.Contains("CPU▼"), Cancel);

        await terminal.SendAsync(Cancel, "C-c");

        var screen = await terminal.UntilAsync("the screen as before", text => text.Contains("after") && text.Contains("before") && text.Contains("echoctl"), Cancel);
        Assert.Contains(" echo ", screen.Replace('\n', ' '));
    }

    [Fact]
    public async Task One_frame_is_for_programs_and_pipes()
    {
        var view = await up.JsonAsync(Cancel, "top", "--once");
        Assert.NotEmpty(view.GetProperty("hosts").EnumerateArray());
        var system = view.GetProperty("workloads").EnumerateArray().Single(row => row.GetProperty("kind").GetString() == "system");
        Assert.True(system.GetProperty("cpuCores").GetDecimal() is > 0 and < 1000);
        Assert.Equal("unattributed", system.GetProperty("tenant").GetString());

        var (code, output, _) = await up.RunAsync(Cancel, "top");
        Assert.Equal(0, code);
        Assert.Contains("CPU▼", output);
        Assert.DoesNotContain('\u001b', output);
        Assert.Equal(2, (await up.RunAsync(Cancel, "top", "--interval", "0")).Code);
    }
}
