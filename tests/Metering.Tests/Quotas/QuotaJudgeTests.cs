using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Rating;
using NodaTime;
using Xunit;

namespace Metering.Tests.Quotas;

/// <summary>The decision by itself: tables of readings and what they do. Instants are seconds, windows begin at 0.</summary>
public sealed class QuotaJudgeTests
{
    private static readonly PriceCatalogue NoPrices = new([], []);

    private static CompiledQuota Compile(Quota quota) => new(0, "q", quota, quota.Limit!.Value, DateTimeZone.Utc);

    private static Quota Rate(decimal cores, string? @for = null, decimal hysteresis = 0, string direction = "above") =>
        new() { Subject = new QuotaSubject { Fleet = true }, Kind = "rate", Meter = "cpuSeconds", Limit = cores, For = @for, Hysteresis = hysteresis, Direction = direction };

    // "9 9 7": a value each minute, "?" unknown. What comes out is minute:state.
    private static string Play(Quota quota, string minutes)
    {
        var states = new QuotaStateSet([]);
        var said = new List<string>();
        var compiled = Compile(quota);
        foreach (var (value, i) in minutes.Split(' ').Select((value, i) => (value, i)))
        {
            var reading = new QuotaReading(i * 60, i * 60 + 60, i * 60, i * 60 + 60, value == "?" ? null : decimal.Parse(value, System.Globalization.CultureInfo.InvariantCulture));
            foreach (var done in QuotaJudge.Decide(compiled, reading, states, i * 60 + 60)) said.Add($"{i}:{done.State}");
        }

        return string.Join(' ', said);
    }

    [Theory]
    [InlineData("9 9 9 7", "0:firing 3:resolved")]
    [InlineData("8 7.999999 8", "0:firing 1:resolved 2:firing")]
    [InlineData("7 ? 9 ? ? 7", "2:firing 5:resolved")]
    public void A_rate_fires_at_its_limit_and_unknown_minutes_decide_nothing(string minutes, string expected) => Assert.Equal(expected, Play(Rate(8), minutes));

    [Theory]
    [InlineData("9 9 9 9", "0:pending 2:firing")]
    [InlineData("9 9 7 9 9 9", "0:pending 2:ok 3:pending 5:firing")]
    [InlineData("9 9 9 7 9", "0:pending 2:firing 3:resolved 4:pending")]
    public void More_than_8_cores_for_3_minutes_is_three_minutes_without_a_break(string minutes, string expected) => Assert.Equal(expected, Play(Rate(8, "3m"), minutes));

    [Theory]
    [InlineData("8 7.5 8 7.21 8", "0:firing")]
    [InlineData("8 7.2 7.19 8", "0:firing 2:resolved 3:firing")]
    public void Hysteresis_keeps_a_figure_that_sways_about_the_limit_firing(string minutes, string expected) => Assert.Equal(expected, Play(Rate(8, hysteresis: 10), minutes));

    [Theory]
    [InlineData("2 1.9 2 2.2 1", "1:firing 3:resolved 4:firing")]
    public void Below_is_the_same_the_other_way_round(string minutes, string expected) => Assert.Equal(expected, Play(Rate(2, hysteresis: 10, direction: "below"), minutes));

    [Fact]
    public void A_pause_begins_nothing_and_ends_what_is_over()
    {
        var quota = Rate(8) with { PausedUntil = DateTimeOffset.FromUnixTimeSeconds(181) };
        Assert.Equal("3:firing 4:resolved", Play(quota, "9 9 9 9 7"));
        var states = new QuotaStateSet([new QuotaState(0, "100", 60, QuotaState.Firing, 0, 8)]);
        Assert.Equal(QuotaState.Resolved, Assert.Single(QuotaJudge.Decide(Compile(quota), new QuotaReading(60, 120, 60, 120, 1), states, 120)).State);
    }

    [Fact]
    public void A_calendar_window_fires_each_threshold_once_whatever_its_figure_does_and_resolves_when_it_ends()
    {
        var quota = Compile(new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "hour", Limit = 100, Thresholds = [50, 100], Amounts = [70] });
        var states = new QuotaStateSet([]);
        string Judge(decimal value, long now, bool closed = false) =>
            string.Join(' ', QuotaJudge.Decide(quota, new QuotaReading(now, now, 0, 3600, value) { IsClosed = closed }, states, now).Select(done => done.Threshold.Key + ":" + done.State));

        Assert.Equal("", Judge(49.999999m, 10));
        Assert.Equal("50:firing", Judge(50, 20));
        Assert.Equal("", Judge(20, 30));
        Assert.Equal("=70:firing 100:firing", Judge(100, 40));
        Assert.Equal("50:resolved =70:resolved 100:resolved", Judge(100, 3660, closed: true));
        Assert.Equal("", Judge(1000, 3700, closed: true));
    }

    [Fact]
    public void What_crosses_late_in_a_closed_window_fires_and_is_resolved_at_once()
    {
        var quota = Compile(new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "hour", Limit = 100 });
        var states = new QuotaStateSet([]);
        var done = QuotaJudge.Decide(quota, new QuotaReading(9000, 9000, 0, 3600, 120) { IsClosed = true }, states, 9000);
        Assert.Equal([QuotaState.Firing, QuotaState.Resolved], done.Select(one => one.State));
        Assert.Empty(QuotaJudge.Decide(quota, new QuotaReading(9001, 9001, 0, 3600, 130) { IsClosed = true }, states, 9001));
    }

    [Fact]
    public void An_edit_of_the_limit_takes_back_what_is_not_reached_and_says_nothing_twice()
    {
        Quota Limit(decimal limit) => new() { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "hour", Limit = limit };
        var states = new QuotaStateSet([]);
        string Judge(decimal limit, decimal value) => string.Join(' ', QuotaJudge.Decide(Compile(Limit(limit)), new QuotaReading(1, 1, 0, 3600, value), states, 1).Select(done => done.State));

        Assert.Equal("firing", Judge(100, 120));
        Assert.Equal("", Judge(110, 120));
        Assert.Equal("resolved", Judge(200, 120));
        Assert.Equal("", Judge(200, 199));
        Assert.Equal("firing", Judge(200, 200));
    }

    [Fact]
    public void Grace_tolerates_what_the_window_ends_before_it_is_over()
    {
        var quota = Compile(new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "hour", Limit = 100, Grace = "30m" });
        string Play(params (long Now, bool Closed)[] instants)
        {
            var states = new QuotaStateSet([]);
            return string.Join(' ', instants.SelectMany(at => QuotaJudge.Decide(quota, new QuotaReading(at.Now, at.Now, 0, 3600, 100) { IsClosed = at.Closed }, states, at.Now)).Select(done => done.State));
        }

        Assert.Equal("pending firing resolved", Play((600, false), (2399, false), (2400, false), (3660, true)));
        Assert.Equal("pending ok", Play((2000, false), (3599, false), (3660, true)));
        Assert.Equal("pending firing resolved", Play((600, false), (3660, true)));
    }

    [Fact]
    public void A_forecast_goes_by_both_burn_rates_and_tells_when()
    {
        var quota = Compile(new Quota { Subject = new QuotaSubject { Fleet = true }, Kind = "forecast", Meter = "cpuSeconds", Window = "day", Limit = 240, ShortBurn = "1h", LongBurn = "4h" });
        const long hour = 3600;
        QuotaFigure[] Hours(params int[] seconds) => [.. seconds.Select((used, i) => new QuotaFigure(i * hour, QuotaUse.Whole, used * 1_000_000))];

        // 10 s an hour for 12 hours is 240 s a day; slower lately, it is not foretold.
        var even = QuotaMeasure.Now(quota, Hours([.. Enumerable.Repeat(10, 12)]), 3600, NoPrices, 12 * hour);
        Assert.Equal((120m, 240m), (even.Used, Math.Round(even.Value!.Value, 9)));
        Assert.Equal(24 * hour, even.Reaches(240));
        Assert.Null(even.Reaches(241));
        var slower = QuotaMeasure.Now(quota, Hours([.. Enumerable.Repeat(10, 11), 1]), 3600, NoPrices, 12 * hour);
        Assert.Equal(111m + 12, Math.Round(slower.Value!.Value, 9));
        var spike = QuotaMeasure.Now(quota, Hours([.. Enumerable.Repeat(1, 11), 60]), 3600, NoPrices, 12 * hour);
        Assert.Equal(71m + 12 * 63 / 4m, Math.Round(spike.Value!.Value, 9));
        Assert.Equal(12 * hour, QuotaMeasure.Now(quota, Hours([.. Enumerable.Repeat(50, 12)]), 3600, NoPrices, 12 * hour).Reaches(240));
        Assert.Null(QuotaMeasure.Now(quota, Hours(10), 3600, NoPrices, 12 * hour).Reaches(240));
    }

    [Fact]
    public void Minutes_are_judged_once_in_order_and_wait_for_agents_that_are_behind()
    {
        var quota = Compile(Rate(1));
        (int Count, long To) Judge(long judgedTo, long now, AgentMarks agents) => QuotaMeasure.Readings(quota, [], [], judgedTo, 3600, agents, NoPrices, now) is var (readings, to) ? (readings.Count, to) : default;
        var all = new AgentMarks(true, long.MaxValue);

        Assert.Equal((0, 600), Judge(590, 689, all));
        Assert.Equal((0, 600), Judge(600, 689, all));
        Assert.Equal((1, 660), Judge(600, 690, all));
        Assert.Equal((3, 780), Judge(600, 810, all));
        Assert.Equal((1, 660), Judge(600, 810, new AgentMarks(true, 700)));
        Assert.Equal((2, 720), Judge(600, 900, new AgentMarks(true, 700)));
        Assert.Equal((0, 600), Judge(600, 5000, new AgentMarks(false, long.MaxValue)));
    }

    [Fact]
    public void A_figure_of_more_than_64_bits_is_kept_exactly()
    {
        foreach (var value in (Int128[])[0, 1, -1, QuotaMath.Carry, -QuotaMath.Carry, QuotaMath.Carry * 12345 + 678, -QuotaMath.Carry * 7 - 1])
        {
            var (high, low) = QuotaMath.Split(value);
            Assert.InRange(low, 0, 999_999_999_999_999_999);
            Assert.Equal(value, QuotaMath.Join(high, low));
        }
    }
}
