using Metering.Service.Reports;
using Metering.Service.Verification;
using Metering.Service.Verification.Checks;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Reports;

/// <summary>What is stored of the roll-up is what the rows are, and <c>verify</c> says where it is not.</summary>
public abstract partial class RollupContract
{
    [Theory]
    [InlineData("used", "rollup_part")]
    [InlineData("charged", "rollup_part")]
    [InlineData("lines", "rollup_part")]
    [InlineData("state", "rollup_part")]
    [InlineData("gone", "rollup_part")]
    [InlineData("rollup", "rollup")]
    public async Task A_damaged_part_is_named_with_the_way_to_have_it_made_again(string damage, string table)
    {
        for (var hour = 0; hour < 60; hour++) await HourAsync(hour, env: hour == 30 ? "gold" : "");
        await AddUpAsync();
        Assert.Empty(await FaultsAsync());

        var day = Start.AddDays(1).ToUnixTimeSeconds();
        var one = $"WHERE day = {day} AND tenant = 'a' AND from_at = (SELECT MIN(from_at) FROM rollup_part WHERE day = {day} AND tenant = 'a')";
        await SqlAsync(damage switch
        {
            "used" or "charged" when _store.IsPostgres => $"UPDATE rollup_part SET {damage} = set_byte({damage}, length({damage}) - 1, get_byte({damage}, length({damage}) - 1) # 1) {one}",
            "used" or "charged" => $"UPDATE rollup_part SET {damage} = CAST(substr({damage}, 1, length({damage}) - 1) || CASE hex(substr({damage}, -1)) WHEN '01' THEN x'02' ELSE x'01' END AS BLOB) {one}",
            "lines" => $"UPDATE rollup_part SET lines = replace(lines, '\"tier\":', '\"tier\":1') {one}",
            "state" => $"UPDATE rollup_part SET state = 'another' {one}",
            "gone" => $"DELETE FROM rollup_part {one}",
            _ => $"UPDATE rollup SET base = 7 WHERE day = {day} AND tenant = 'a' AND sku = ''",
        });

        var fault = (await FaultsAsync())[0];
        Assert.Equal(table, fault.Table);
        Assert.Contains($"day={day} tenant=a from_at=", fault.Key, StringComparison.Ordinal);

        // What it says to do makes it right.
        await SqlAsync(fault.Detail[(fault.Detail.IndexOf("after '", StringComparison.Ordinal) + 7)..fault.Detail.IndexOf("' reports", StringComparison.Ordinal)]);
        Assert.Empty(await FaultsAsync());
        await AddUpAsync();
        Assert.Empty(await FaultsAsync());
        Assert.Empty(await NotesAsync());
    }

    [Fact]
    public async Task A_day_that_waits_is_told_and_not_judged()
    {
        for (var hour = 0; hour < 60; hour++) await HourAsync(hour);
        await AddUpAsync();
        Assert.Empty(await NotesAsync());

        // A day that got late usage, and the one after it, whose charges begin where that one ends.
        await HourAsync(26);
        Assert.Empty(await FaultsAsync());
        Assert.Contains("2 of 3 days are still to be added up", Assert.Single(await NotesAsync()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Whatever_ends_between_usage_and_parts_reports_are_what_the_rows_are(int seed)
    {
        var random = new Random(seed);
        var (next, version) = (30, 3);
        for (var hour = 0; hour < next; hour++) await HourAsync(hour);
        string[][] queries = [["2026-10-28", "day", "tenant", "UTC"], ["2026-10-28", "total", "workload", "UTC"], ["2026-10-28T12:00:00Z", "day", "project,label:env", "Europe/Berlin"]];
        for (var i = 0; i < 40; i++)
        {
            switch (random.Next(10))
            {
                case < 3:
                    for (var more = random.Next(1, 12); more > 0 && next < 150; more--) await HourAsync(next++);
                    break;
                case < 5: await HourAsync(random.Next(next)); break;
                case 5: await HourAsync(next++, env: random.Next(2) == 0 ? "gold" : "tin"); break;
                case 6:
                    await PriceAsync(2, "0.0" + version++);
                    await _store.WriteAsync(Service.Ledger.LedgerSnapshot.RaiseAsync, Cancel);
                    break;
                default: await DieAsync(random); break;
            }

            if (i % 4 == 3) await SameAsync(queries);
        }

        await AddUpAsync();
        await SameAsync(queries);
        Assert.Empty(await FaultsAsync());
        Assert.Empty(await NotesAsync());
    }

    [Fact]
    public async Task Late_usage_has_only_those_charged_anew_whose_month_it_moves()
    {
        for (var hour = 0; hour < 6 * 24; hour++) await HourAsync(hour);
        await AddUpAsync();
        var before = _keeper.RatedRows;

        // Of b on October 29: that day with all its rows, then b's of each day to the end of its month, which is at 4:00 UTC on November 1; nobody's of November.
        await HourAsync(26, only: "/b/");
        await AddUpAsync();
        Assert.Equal((3 * 24) + (3 * 24), _keeper.RatedRows - before);
        Assert.Empty(await FaultsAsync());
        await SameAsync([["2026-10-28", "day", "workload", "UTC"], ["2026-10-28", "day", "tenant", "America/New_York"]]);

        // Another zone is another month: all of it again.
        before = _keeper.RatedRows;
        await SqlAsync("UPDATE tenant SET time_zone = 'UTC' WHERE id = 'a'");
        await _store.WriteAsync(Service.Ledger.LedgerSnapshot.RaiseAsync, Cancel);
        await AddUpAsync();
        Assert.True(_keeper.RatedRows - before >= 6 * 24 * 3);
        Assert.Empty(await FaultsAsync());
        await SameAsync([["2026-10-28", "day", "workload", "UTC"]]);
    }

    // A keeper whose process ends at some moment, or that usage comes between.
    private async Task DieAsync(Random random)
    {
        var (moment, late, steps) = (random.Next(4) switch { 0 => "marked", 1 => "computed", 2 => "replaced", _ => "" }, random.Next(2) == 0, random.Next(1, 5));
        var keeper = new RollupKeeper(_store, _options, _clock, NullLogger<RollupKeeper>.Instance);
        keeper.FaultPoint = at =>
        {
            if (at != moment) return;
            if (late && at != "replaced") HourAsync(random.Next(30)).GetAwaiter().GetResult();
            else throw new IOException("the process ends here");
        };
        try
        {
            while (steps-- > 0 && await keeper.StepAsync(Cancel))
            {
            }
        }
        catch (IOException)
        {
            // Another one goes on.
        }
    }

    // Each report as it is, and as if nothing were added up.
    private async Task SameAsync(string[][] queries)
    {
        var (costs, usage) = (new List<string>(), new List<string>());
        foreach (var query in queries)
        {
            costs.Add(await CostsAsync(query));
            usage.Add(await UsageAsync(query, null));
        }

        await SqlAsync("UPDATE rollup_day SET arrivals = arrivals + 1");
        for (var i = 0; i < queries.Length; i++)
        {
            Assert.Equal(await CostsAsync(queries[i]), costs[i]);
            Assert.Equal(await UsageAsync(queries[i], null), usage[i]);
        }

        await SqlAsync("UPDATE rollup_day SET arrivals = arrivals - 1");
    }

    private async Task<List<Discrepancy>> FaultsAsync() => [.. (await EventsAsync()).Select(one => one.Discrepancy).OfType<Discrepancy>()];

    private async Task<List<string>> NotesAsync() => [.. (await EventsAsync()).Select(one => one.Note).OfType<string>()];

    // Of the whole verification what it says of the roll-up; the batches here have no readings.
    private async Task<List<VerifyEvent>> EventsAsync()
    {
        var events = new List<VerifyEvent>();
        await foreach (var one in new Verifier(_store, _options).RunAsync(Cancel))
        {
            if (one.Check == new RollupCheck().Name) events.Add(one);
        }

        Assert.NotEmpty(events);
        Assert.Equal(events[^1].Total, events[^1].Seen);
        return events;
    }
}
