using Metering.Cli.Client;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Cli;

/// <summary>Colour and progress: there for a person at a terminal, and for nobody else.</summary>
public sealed class TerminalTextTests
{
    [Theory]
    [InlineData(null, "xterm", true)]
    [InlineData("", "xterm", true)]
    [InlineData("1", "xterm", false)]
    [InlineData(null, "dumb", false)]
    public void No_colour_is_honoured(string? noColour, string terminal, bool expected) => Assert.Equal(expected, Tint.IsWanted(noColour, terminal));

    [Fact]
    public void A_table_is_coloured_only_when_it_is_asked_to_be()
    {
        Assert.DoesNotContain('\u001b', Table(colour: false));
        Assert.Matches("\u001b\\[(31|91)mfiring\u001b\\[0m", Table(colour: true));
        Assert.Contains("\\x1b[2Jevil", Table(colour: true));
    }

    [Fact]
    public async Task Progress_is_one_line_that_is_gone_at_the_end()
    {
        using var terminal = new Listener();
        var progress = new ProgressLine(terminal, isShown: true);
        progress.Show("usage", 1, 4);
        Assert.Equal("\r\u001b[Kusage      [#######.......................]  25 %  1 of 4", terminal.ToString());
        progress.Clear();
        Assert.EndsWith("\r\u001b[K", terminal.ToString());
        Assert.Equal(7, await progress.WhileAsync("closing", terminal.Heard, Unknown, TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Contains("closing [", terminal.ToString());
        Assert.EndsWith("\r\u001b[K", terminal.ToString());
    }

    [Fact]
    public async Task Work_of_others_shows_its_stage_and_share_where_they_are_known()
    {
        using var terminal = new Listener();
        Assert.Equal(7, await new ProgressLine(terminal, isShown: true).WhileAsync("closing 2026-10", terminal.Heard, () => Task.FromResult<(string, long, long)?>(("rating", 30, 60)), TimeProvider.System, TestContext.Current.CancellationToken));
        Assert.Contains("\r\u001b[Kclosing 2026-10: rating     [###############...............]  50 %  0 s", terminal.ToString());
        Assert.EndsWith("\r\u001b[K", terminal.ToString());
    }

    [Fact]
    public async Task Where_nobody_looks_there_is_no_progress()
    {
        using var terminal = new StringWriter();
        var progress = new ProgressLine(terminal, isShown: false);
        progress.Show("usage", 1, 4);
        progress.Clear();
        Assert.Equal(7, await progress.WhileAsync("closing", Task.FromResult(7), Unknown, new FakeClock(default), TestContext.Current.CancellationToken));
        Assert.Equal("", terminal.ToString());
    }

    private static Task<(string, long, long)?> Unknown() => Task.FromResult<(string, long, long)?>(null);

    private static string Table(bool colour)
    {
        using var output = new StringWriter();
        Tables.Write(output, 80, ["state", "name"], [["firing", "\u001b[2Jevil"]], colour: colour);
        return output.ToString();
    }

    /// <summary>Work that ends when the terminal has been told of it.</summary>
    private sealed class Listener : StringWriter
    {
        private readonly TaskCompletionSource<int> _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<int> Heard => _heard.Task;

        public override void Write(string? value)
        {
            base.Write(value);
            if (value?.StartsWith("\r\u001b[Kclosing", StringComparison.Ordinal) == true) _heard.TrySetResult(7);
        }
    }
}
