using Metering.LineProtocol;
using Metering.Service.TimeSeries;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.TimeSeries;

public sealed class SeriesSenderTests
{
    private readonly HurriedClock _clock = new();
    private readonly List<ParkedLine> _parked = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, "/write")]
    [InlineData(2, "/api/v2/write")]
    [InlineData(3, "/api/v3/write_lp")]
    public async Task The_servers_own_way_is_found(int version, string path)
    {
        using var server = new FakeSeriesServer(version);

        await SendAsync(server, Lines(12_000));

        Assert.Equal(12_000, server.Points.Count);
        Assert.Equal([(path, 5_000), (path, 5_000), (path, 2_000)], server.Requests);
        Assert.Empty(_parked);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_bad_line_is_parked_with_the_servers_words_and_the_rest_goes_in(int version)
    {
        using var server = new FakeSeriesServer(version) { IsBad = line => line.Contains("n=777i") || line.Contains("n=4999i") };

        await SendAsync(server, Lines(6_000));

        Assert.Equal(5_998, server.Points.Count);
        Assert.Equal(["m,t=v\\ 777 n=777i 777", "m,t=v\\ 4999 n=4999i 4999"], _parked.Select(line => line.Line));
        Assert.All(_parked, line => Assert.Contains("partial write", line.Reason));
        Assert.True(server.Requests.Count < 2 + 2 * 2 * 14, $"{server.Requests.Count} requests");
    }

    [Fact]
    public async Task A_request_that_is_too_large_is_halved()
    {
        using var server = new FakeSeriesServer(1) { MaxLines = 700 };

        await SendAsync(server, Lines(5_000));

        Assert.Equal(5_000, server.Points.Count);
        Assert.Empty(_parked);
    }

    [Fact]
    public async Task A_server_that_is_busy_is_asked_again_later_and_later_and_never_earlier_than_it_says()
    {
        using var server = new FakeSeriesServer(2);
        server.Answer(503, times: 12);
        server.Answer(429, retryAfter: "1000");
        server.Answer(503, retryAfter: "999999999");

        await SendAsync(server, Lines(10));

        var waits = _clock.Waits.ToArray();
        Assert.Equal((14, 10), (waits.Length, server.Points.Count));
        for (var i = 0; i < 12; i++)
        {
            var most = Math.Min(Math.Pow(2, i), 300);
            Assert.InRange(waits[i].TotalSeconds, most / 2 - 0.01, most);
        }

        Assert.Equal([1_000, 3_600], waits[12..].Select(wait => wait.TotalSeconds));
    }

    [Fact]
    public async Task Jitter_keeps_two_services_apart()
    {
        using var server = new FakeSeriesServer(1);
        server.Answer(503, times: 6);
        await SendAsync(server, Lines(1));
        var first = _clock.Waits.ToArray();
        server.Answer(503, times: 6);

        await SendAsync(server, Lines(1), seed: 2);

        Assert.NotEqual(first, _clock.Waits.Skip(6));
    }

    [Fact]
    public async Task A_missing_database_or_a_wrong_token_stops_and_goes_on_when_it_is_put_right()
    {
        using var server = new FakeSeriesServer(2) { Database = "other" };
        var (sender, state) = Sender(server, "wrong");
        using var first = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var sending = sender.SendAsync(Lines(3), _parked, first.Token);
        await UntilAsync(() => state.Trouble.Trouble?.Contains("401") == true);
        Assert.Contains("check TimeSeries:Token", state.Trouble.Trouble);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);

        (sender, state) = Sender(server);
        sending = sender.SendAsync(Lines(3), _parked, Cancel);
        await UntilAsync(() => state.Trouble.Trouble?.Contains("404") == true);
        Assert.Contains("create the database or bucket 'metering'", state.Trouble.Trouble);
        server.Database = "metering";
        await sending;

        Assert.Equal((3, null), (server.Points.Count, state.Trouble.Trouble));
        Assert.Contains(_clock.Waits, wait => wait == TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_server_that_hangs_or_is_gone_is_waited_for()
    {
        using var server = new FakeSeriesServer(1) { IsSilent = true };
        var (sender, state) = Sender(server, timeout: 0.2);
        var sending = sender.SendAsync(Lines(3), _parked, Cancel);
        await UntilAsync(() => state.Trouble.Trouble == "no answer within 0.2 s");
        server.Close();
        await UntilAsync(() => state.Trouble.Trouble?.Contains("refused") == true);
        server.IsSilent = false;
        server.Open();

        await sending;

        Assert.Equal(3, server.Points.Count);
    }

    [Fact]
    public async Task What_is_no_time_series_database_is_said_to_be_none()
    {
        using var server = new FakeSeriesServer(0);
        var (sender, state) = Sender(server);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var sending = sender.SendAsync(Lines(1), _parked, stop.Token);

        await UntilAsync(() => state.Trouble.Trouble?.Contains("has none of /api/v3/write_lp, /api/v2/write, /write") == true);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Assert.Empty(_parked);
    }

    private Task SendAsync(FakeSeriesServer server, LineBuffer lines, int seed = 1) => Sender(server, seed: seed).Sender.SendAsync(lines, _parked, Cancel);

    private (SeriesSender Sender, SeriesState State) Sender(FakeSeriesServer server, string token = FakeSeriesServer.Token, double timeout = 30, int seed = 1)
    {
        var state = new SeriesState(_clock);
        var options = new TimeSeriesOptions { Url = server.Url, Token = token, Timeout = TimeSpan.FromSeconds(timeout) };
        return (new SeriesSender(new SeriesTarget(options, _clock), state, _clock, new Random(seed), NullLogger.Instance), state);
    }

    private static LineBuffer Lines(int count)
    {
        var lines = new LineBuffer();
        for (var i = 0; i < count; i++)
        {
            lines.Begin("m");
            lines.Tag("t", "v " + i);
            lines.Field("n", i);
            lines.End(i);
        }

        return lines;
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var i = 0; !holds(); i++)
        {
            Assert.True(i < 2_000, "It did not happen in 20 s.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
        }
    }
}
