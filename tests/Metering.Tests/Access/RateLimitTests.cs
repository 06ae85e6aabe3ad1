using System.Net;
using Metering.Service.Access;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>How often one may ask, and guess.</summary>
public sealed class RateLimitTests
{
    [Fact]
    public void A_minutes_worth_may_come_at_once_and_is_earned_back_one_by_one()
    {
        var clock = new FakeClock(DateTimeOffset.UnixEpoch);
        var gate = new RateGate(clock);
        for (var i = 0; i < 6; i++) Assert.Null(gate.Take("a", 6));

        Assert.Equal(TimeSpan.FromSeconds(10), gate.Take("a", 6));
        Assert.Null(gate.Take("b", 6));
        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(TimeSpan.FromSeconds(1), gate.Look("a", 6));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(gate.Take("a", 6));
        Assert.NotNull(gate.Take("a", 6));
        clock.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 6; i++) Assert.Null(gate.Take("a", 6));
        Assert.NotNull(gate.Take("a", 6));
    }

    [Fact]
    public void However_many_parties_ask_the_memory_is_bounded()
    {
        var gate = new RateGate(new FakeClock(DateTimeOffset.UnixEpoch));
        for (var i = 0; i < 20_000; i++) Assert.Null(gate.Take("party" + i, 1));
        Assert.Null(gate.Take("one more", 1));
        Assert.NotNull(gate.Take("and another", 1));
    }

    [Fact]
    public async Task A_principal_that_asks_too_often_is_told_when_to_come_back_and_no_other_is_kept()
    {
        await using var service = await RunningService.StartAsync(new Dictionary<string, string?> { ["Access:RequestsPerMinute"] = "5" });
        var key = await service.NewKeyAsync("finance");
        RunningService.Answer? last = null;
        for (var i = 0; i < 6; i++) last = await service.SendAsync("GET", "v1/meters", key: key);

        Assert.Equal((HttpStatusCode.TooManyRequests, "urn:metering:problem:too-many"), (last!.Status, last.Type));
        Assert.InRange(int.Parse(last.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture), 1, 12);
        Assert.Equal(HttpStatusCode.OK, (await service.SendAsync("GET", "v1/meters")).Status);
    }

    [Fact]
    public async Task Guessing_ends_with_429_and_shuts_nobody_out_who_was_known()
    {
        await using var service = await RunningService.StartAsync(new Dictionary<string, string?> { ["Access:FailedSignInsPerMinute"] = "3" });
        var unused = await service.NewKeyAsync("finance");
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.Unauthorized, (await service.SendAsync("GET", "v1/meters", key: "guess" + i)).Status);

        var guess = await service.SendAsync("GET", "v1/meters", key: "guess");
        Assert.Equal((HttpStatusCode.TooManyRequests, "urn:metering:problem:too-many"), (guess.Status, guess.Type));
        Assert.True(guess.Headers.ContainsKey("Retry-After"));

        // A right guess is not told from a wrong one now; a credential that was good here before still is.
        Assert.Equal(HttpStatusCode.TooManyRequests, (await service.SendAsync("GET", "v1/meters", key: unused)).Status);
        Assert.Equal(HttpStatusCode.OK, (await service.SendAsync("GET", "v1/meters")).Status);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await service.SendAsync("GET", "sign-in?token=guess", key: "")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await service.SendAsync("GET", "v1/meters", key: "")).Status);
    }
}
