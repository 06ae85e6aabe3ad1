using Xunit;

namespace Metering.EndToEnd.Servers;

public sealed class ChildProcessTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Lines_of_both_streams_environment_and_exit_code_arrive()
    {
        await using var child = ChildProcess.Start("sh", ["-c", "echo $WORD; echo oops >&2; exit 3"], new Dictionary<string, string?> { ["WORD"] = "hello" });

        Assert.Equal("hello", await child.WaitForLineAsync("hell", Soon, Cancel));
        Assert.Equal("oops", await child.WaitForLineAsync("oops", Soon, Cancel));
        Assert.Equal(3, await child.WaitForExitAsync(Soon, Cancel));
    }

    [Fact]
    public async Task A_line_that_does_not_come_fails_with_the_output()
    {
        await using var child = ChildProcess.Start("sh", ["-c", "echo only this"]);

        var failure = await Assert.ThrowsAsync<TimeoutException>(() => child.WaitForLineAsync("something else", Soon, Cancel));

        Assert.Contains("only this", failure.Message);
    }

    [Fact]
    public async Task Signals_reach_the_process()
    {
        await using var child = ChildProcess.Start("sh", ["-c", "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done"]);
        await child.WaitForLineAsync("ready", Soon, Cancel);

        child.Freeze();
        child.Terminate();
        await child.WaitUntilAsync(_ => Task.FromResult(File.ReadAllText($"/proc/{child.Id}/stat").Contains(") T ")), "it stopped", Soon, Cancel);
        child.Thaw();

        await child.WaitForLineAsync("asked", Soon, Cancel);
        Assert.Equal(5, await child.WaitForExitAsync(Soon, Cancel));
    }

    [Fact]
    public async Task Disposing_ends_even_a_frozen_process_and_its_children()
    {
        var child = ChildProcess.Start("sh", ["-c", "sleep 1000 & echo child $!; wait"]);
        var line = await child.WaitForLineAsync("child ", Soon, Cancel);
        child.Freeze();

        await child.DisposeAsync();

        // Whoever adopts the orphan reaps it in its own time; dead is enough.
        var stat = $"/proc/{line["child ".Length..]}/stat";
        Assert.True(!File.Exists(stat) || (await File.ReadAllTextAsync(stat, Cancel)).Contains(") Z "));
    }

    [Fact]
    public void Free_ports_differ() => Assert.Equal(50, Enumerable.Range(0, 50).Select(_ => Ports.Free()).Distinct().Count());
}
