using Metering.Cli.Top;
using Metering.Service.Live;
using Metering.Service.Reports;
using Xunit;

namespace Metering.Tests.Cli;

/// <summary>The frames of <c>metering top</c> and its keys.</summary>
public sealed class TopTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);
    private static readonly HostAlarmView Sound = new(0, 0, 0, 0, 0, 0, 0);

    [Theory]
    [InlineData(80, 24)]
    [InlineData(60, 10)]
    [InlineData(200, 60)]
    [InlineData(20, 5)]
    public void A_frame_never_passes_the_terminal(int width, int height)
    {
        var frame = new TopFrame(width, height, colour: false).Draw(View(), new TopState(), Now, null);

        Assert.True(frame.Count <= height, $"{frame.Count} lines");
        Assert.All(frame, line => Assert.True(Spectre.Console.StringExtensions.GetCellWidth(line) <= width, line));
        Assert.All(frame, line => Assert.DoesNotContain('\u001b', line));
    }

    [Fact]
    public void A_terminal_that_is_too_small_is_told_so_to_the_end() =>
        Assert.Equal("The terminal is 20×8; 60×10 is the least.", string.Join(' ', new TopFrame(20, 8, colour: false).Draw(View(), new TopState(), Now, null).Select(line => line.Trim())));

    // Yellow (33) can not be read on a light terminal, nor black, white and fixed backgrounds on one or the other.
    [Fact]
    public void Colours_can_be_read_on_light_and_dark()
    {
        var view = View() with { IsCut = true };
        var text = string.Join('\n', new TopFrame(120, 24, colour: true).Draw(view, new TopState(), Now, null));

        Assert.Contains("\u001b[35m! more workloads", text, StringComparison.Ordinal);
        Assert.DoesNotMatch("\u001b\\[[0-9;]*(3[0378]|4[0-9]|9[0-9])[0-9;]*m", text);
    }

    [Fact]
    public void Eighty_by_twenty_four_shows_what_matters()
    {
        var text = string.Join('\n', new TopFrame(80, 24, colour: false).Draw(View(), new TopState(), Now.AddSeconds(3), null));

        Assert.Contains("h1  42 workloads  3.000 of 8 cores  window 10 s, 3 s old", text);
        Assert.Contains("CPU▼", text);
        Assert.Contains("  1.500 2.00 GiB 1.46 KiB 0.1250 EUR  acme         docker      web", text);
        Assert.Contains("      –        –          –  unattributed", text);
        Assert.Contains("…/deep/tail-of-it", text);
        Assert.Contains("unattributed 0.500 cores (16.67 %)   held 1,234 µs   a 15 s scraper misses 2.5 %", text);
        Assert.Contains("host overhead 0.250 cores outside any cgroup   idle 5.000 cores", text);
        Assert.Contains("run rate 0.125 EUR/h, 91.25 a month", text);
        Assert.Contains("q quit", text);
    }

    [Fact]
    public void A_narrow_terminal_still_shows_names_and_what_it_is_sorted_by()
    {
        var text = string.Join('\n', new TopFrame(60, 20, colour: false).Draw(View(), new TopState(), Now, null));
        Assert.Contains("   CPU▼   MEMORY     COST/h  TENANT       NAME", text);
        Assert.Contains("  1.500 2.00 GiB 0.1250 EUR  acme         web", text);
        Assert.Contains("/deep/tail-of-it", text);

        var byIo = string.Join('\n', new TopFrame(60, 20, colour: false).Draw(View(), new TopState { Sort = TopSort.Io }, Now, null));
        Assert.Contains("    CPU   MEMORY  I/O /s▼  TENANT       NAME", byIo);
    }

    [Fact]
    public void An_alarm_and_a_lost_service_are_told_at_the_top()
    {
        var view = View() with { Hosts = [Host() with { Alarms = Sound with { ConservationFailures = 2, Forks = 1 } }] };

        Assert.Equal("! h1: 2 readings that do not add up, 1 forks", new TopFrame(80, 24, colour: false).Draw(view, new TopState(), Now, null)[1]);
        Assert.Equal("! The service is away.", new TopFrame(80, 24, colour: false).Draw(view, new TopState(), Now, "The service is away.")[1]);

        // The remedy is at the end: it is told whole, and nothing passes the terminal for it.
        const string Away = "The service at http://127.0.0.1:6100/ can not be reached (Connection refused (127.0.0.1:6100)); start it with 'metering up', or give --url.";
        var narrow = new TopFrame(60, 10, colour: false).Draw(view, new TopState(), Now, Away);
        Assert.Contains("or give --url.", string.Join(' ', narrow));
        Assert.True(narrow.Count <= 10 && narrow.All(line => line.Length <= 60), string.Join('\n', narrow));
    }

    [Fact]
    public void Keys_sort_filter_scroll_and_quit()
    {
        var (state, view) = (new TopState(), View());
        Assert.Equal("web", state.Choose(view)[0].Name);
        Press(state, "m");
        Assert.Equal("db", state.Choose(view)[0].Name);
        Press(state, "n");
        Assert.Equal("/very/long/path/deep/tail-of-it", state.Choose(view)[0].Name);
        Press(state, "$/tenant:acme");
        Assert.Equal("tenant:acme", state.Typing);
        Assert.Equal(["web"], state.Choose(view).Select(row => row.Name));
        state.Take(new ConsoleKeyInfo('\b', ConsoleKey.Backspace, false, false, false), View());
        Assert.Empty(state.Choose(view));
        state.Take(new ConsoleKeyInfo('\u001b', ConsoleKey.Escape, false, false, false), View());
        Assert.Equal((null, "", 42), (state.Typing, state.Filter, state.Choose(view).Count));
        Press(state, "/filler");
        state.Take(new ConsoleKeyInfo('\r', ConsoleKey.Enter, false, false, false), View());
        Assert.Equal(("filler", 39), (state.Filter, state.Choose(view).Count));

        for (var i = 0; i < 100; i++) state.Take(new ConsoleKeyInfo('\0', ConsoleKey.PageDown, false, false, false), View());
        var frame = new TopFrame(80, 24, colour: false).Draw(view, state, Now, null);
        Assert.Contains(frame, line => line.EndsWith("filler-38", StringComparison.Ordinal));
        Assert.False(state.Take(new ConsoleKeyInfo('q', ConsoleKey.Q, false, false, false), View()));
    }

    [Fact]
    public void A_name_that_would_steer_the_terminal_is_inert_and_wide_ones_stay_in_their_column()
    {
        var view = View() with { Workloads = [Row("evil\u001b[31m\r\n", 1), Row("日本語の名前のとても長いコンテナ名前", 1)] };

        foreach (var line in new TopFrame(80, 24, colour: false).Draw(view, new TopState(), Now, null))
        {
            Assert.DoesNotContain(line, char.IsControl);
            Assert.True(Spectre.Console.StringExtensions.GetCellWidth(line) <= 80);
        }
    }

    [Fact]
    public void T_goes_through_the_tenants_and_back_to_all()
    {
        var state = new TopState { IsDemo = true };
        var seen = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            Press(state, "t");
            seen.Add(state.Filter);
        }

        Assert.Equal(["tenant:acme", "tenant:unattributed", "", "tenant:acme"], seen);
        var frame = new TopFrame(80, 24, colour: false).Draw(View(), state, Now, null);
        Assert.Contains("DEMO", frame[0]);
        Assert.Contains(frame, line => line.Contains("run rate 0.125 EUR/h", StringComparison.Ordinal));
        Press(state, "t");
        Assert.Contains(new TopFrame(80, 24, colour: false).Draw(View(), state, Now, null), line => line.Contains("run rate unknown", StringComparison.Ordinal));
    }

    private static void Press(TopState state, string keys)
    {
        foreach (var key in keys) state.Take(new ConsoleKeyInfo(key, 0, false, false, false), View());
    }

    private static LiveView View() => new(
        Now, [Host()],
        [
            Row("web", 1.5m) with { Tenant = "acme", MemoryBytes = 2L << 30, IoBytesPerSecond = 1500, CostPerHour = 0.125m, Currency = "EUR" }, Row("db", 0.5m) with { MemoryBytes = 9L << 30 },
            Row("/very/long/path/deep/tail-of-it", 0.1m), .. Enumerable.Range(0, 39).Select(i => Row($"filler-{i:00}", 0)),
        ], 3, 0.5m, 1234, 0.025m, false);

    private static LiveHost Host() => new("h1", Now, 10, 8, 3, 0.25m, 1234, 0, 0.025m, Sound);

    private static LiveWorkload Row(string name, decimal cores) => new("h1", "docker", name, name, "/" + name, "unattributed", cores, null, null, null, null);
}
