using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Metering.Tests.Verification;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Reports;

/// <summary>Cost reports from the roll-up are those from the rows, whatever database the ledger is kept in.</summary>
public abstract partial class RollupContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 10, 28, 0, 0, 0, TimeSpan.Zero);
    private readonly FakeClock _clock = new(new DateTimeOffset(2026, 11, 4, 12, 30, 0, TimeSpan.Zero));
    private LedgerOptions _options = null!;
    private LedgerStore _store = null!;
    private GroupWriter _writer = null!;
    private RollupKeeper _keeper = null!;
    private ulong _sequence;

    protected abstract Task<string> ConnectionStringAsync();

    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = await ConnectionStringAsync() };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        _writer = new GroupWriter(_store, _options, TimeProvider.System, [new RollupMarks()]);
        _keeper = new RollupKeeper(_store, _options, _clock, NullLogger<RollupKeeper>.Instance);
        await ConfigureAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        await EndAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Sums_and_rows_give_the_same_costs_for_every_range_step_and_zone()
    {
        for (var hour = 0; hour < 7 * 24 + 12; hour++) await HourAsync(hour);
        string[][] queries =
        [
            ["2026-11", "total", "tenant", "UTC"], ["2026-11", "day", "tenant", "Europe/Berlin"], ["2026-10-28", "month", "tenant", "UTC"], ["2026-10-28", "day", "", "America/St_Johns"],
            ["2026-10-30T05:00:00Z", "hour", "tenant", "UTC"], ["2026-11-02T05:00:00Z", "total", "workload", "UTC"], ["2026-11-03", "day", "tenant,label:env", "UTC"], ["2026-11-03", "total", "project,kind", "UTC"],
            ["2026-10-28", "total", "workload", "UTC"], ["2026-10-29", "day", "tenant,label:env", "Europe/Berlin"], ["2026-10-31T03:00:00Z", "day", "host,project", "UTC"], ["2026-11-01", "month", "workload,label:env", "America/New_York"],
        ];
        var before = new List<string>();
        foreach (var query in queries) before.Add(await CostsAsync(query));

        while (await _keeper.StepAsync(Cancel))
        {
        }

        Assert.True((await _keeper.ShowAsync(Cancel)).Complete);
        for (var i = 0; i < queries.Length; i++) Assert.Equal(before[i], await CostsAsync(queries[i]));

        // And it is the sums that were read: without the rows the months are still there.
        var total = await CostsAsync(queries[0]);
        await SqlAsync("DELETE FROM usage WHERE bucket < " + Start.AddDays(7).ToUnixTimeSeconds());
        Assert.Equal(total, await CostsAsync(queries[0]));
    }

    [Fact]
    public async Task A_month_by_workload_is_read_from_the_parts()
    {
        for (var hour = 0; hour < 7 * 24; hour++) await HourAsync(hour, env: hour == 30 ? "gold" : "");
        string[][] queries = [["2026-10-28", "total", "workload", "UTC"], ["2026-10-28", "total", "label:env", "UTC"], ["2026-10-28T12:00:00Z", "day", "project,tenant", "UTC"]];
        var before = new List<string>();
        foreach (var query in queries) before.Add(await CostsAsync(query));
        await AddUpAsync();

        // Without the rows it is all there.
        await SqlAsync("DELETE FROM usage");
        for (var i = 0; i < queries.Length; i++) Assert.Equal(before[i], await CostsAsync(queries[i]));

        // And without the parts it is not.
        await SqlAsync("DELETE FROM rollup_part");
        foreach (var query in queries) Assert.DoesNotContain("cpuSeconds", await CostsAsync(query));
    }

    [Fact]
    public async Task Usage_from_parts_is_that_of_the_rows()
    {
        for (var hour = 0; hour < 6 * 24 + 9; hour++) await HourAsync(hour, env: hour == 40 ? "gold" : "");
        string[][] queries =
        [
            ["2026-10-28", "total", "workload", "UTC"], ["2026-10-28", "total", "", "UTC"], ["2026-10-28T15:00:00Z", "day", "tenant,project", "Europe/Berlin"], ["2026-10-29", "day", "label:env,kind", "America/St_Johns"],
            ["2026-10-28T07:00:00Z", "month", "host,workload", "UTC"], ["2026-11-01", "hour", "tenant", "UTC"],
        ];
        var before = new List<string>();
        foreach (var query in queries) before.Add(await UsageAsync(query, null));
        var (mine, nobodys) = (await UsageAsync(queries[0], "a"), await UsageAsync(queries[0], "c"));
        await AddUpAsync();
        for (var i = 0; i < queries.Length; i++) Assert.Equal(before[i], await UsageAsync(queries[i], null));
        Assert.Equal((mine, nobodys), (await UsageAsync(queries[0], "a"), await UsageAsync(queries[0], "c")));

        // Late usage is seen at once, and what was read from parts is there without the rows.
        await HourAsync(7);
        var late = await UsageAsync(queries[0], null);
        Assert.NotEqual(before[0], late);
        await AddUpAsync();
        await SqlAsync("DELETE FROM usage");
        Assert.Equal(late, await UsageAsync(queries[0], null));
        Assert.NotEqual("", await UsageAsync(queries[0], "a"));
        Assert.Equal("", nobodys);
    }

    [Fact]
    public async Task Parts_that_were_charged_after_other_usage_are_not_taken_and_are_made_anew()
    {
        for (var hour = 0; hour < 4 * 24; hour++) await HourAsync(hour);
        await AddUpAsync();
        string[] query = ["2026-10-28", "day", "workload", "UTC"];
        var before = await CostsAsync(query);

        // Late usage of the first day moves what all later ones are charged, though their own usage is what it was.
        await HourAsync(2);
        var after = await CostsAsync(query);
        Assert.NotEqual(OfDay(before, "2026-10-30"), OfDay(after, "2026-10-30"));
        Assert.True(await _keeper.StepAsync(Cancel));
        Assert.Equal(after, await CostsAsync(query));
        Assert.Equal(3, (await _keeper.ShowAsync(Cancel)).PendingDays);
        await AddUpAsync();
        Assert.Equal(after, await CostsAsync(query));
        await SqlAsync("DELETE FROM usage");
        Assert.Equal(after, await CostsAsync(query));

        static string OfDay(string rows, string day) => string.Join('\n', rows.Split('\n').Where(row => row.StartsWith($"{{\"start\":\"{day}", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Late_usage_another_price_another_owner_and_another_label_are_seen_at_once_and_added_up_anew()
    {
        for (var hour = 0; hour < 50; hour++) await HourAsync(hour);
        await AddUpAsync();
        await ChangedAsync(() => HourAsync(5), writes: true);
        await ChangedAsync(() => PriceAsync(2, "0.08"), writes: false);
        await ChangedAsync(() => SqlAsync("UPDATE tenant SET price_book = '' WHERE id = 'b'"), writes: false);

        // A label that is learnt late reaches back to the first usage.
        await ChangedAsync(() => HourAsync(50, env: "gold"), writes: true);
    }

    [Fact]
    public async Task Usage_that_comes_while_a_day_is_added_up_is_not_lost()
    {
        for (var hour = 0; hour < 30; hour++) await HourAsync(hour);
        foreach (var moment in (string[])["marked", "computed"])
        {
            var keeper = new RollupKeeper(_store, _options, _clock, NullLogger<RollupKeeper>.Instance);
            keeper.FaultPoint = at => { if (at == moment) HourAsync(3).GetAwaiter().GetResult(); };
            for (var i = 0; i < 4; i++) await keeper.StepAsync(Cancel);
            Assert.Equal(await RowsAsync(), await CostsAsync(["2026-10-28", "day", "tenant", "UTC"]));
            await AddUpAsync();
            Assert.Equal(await RowsAsync(), await CostsAsync(["2026-10-28", "day", "tenant", "UTC"]));
        }
    }

    private async Task AddUpAsync()
    {
        while (await _keeper.StepAsync(Cancel))
        {
        }
    }

    // The report changes with the change itself, and adding up anew changes nothing.
    private async Task ChangedAsync(Func<Task> change, bool writes)
    {
        var before = await CostsAsync(["2026-10-28", "day", "tenant", "UTC"]);
        await change();
        if (!writes) await _store.WriteAsync(LedgerSnapshot.RaiseAsync, Cancel);
        var after = await CostsAsync(["2026-10-28", "day", "tenant", "UTC"]);
        Assert.NotEqual(before, after);
        Assert.Equal(await RowsAsync(), after);
        await AddUpAsync();
        Assert.Equal(after, await CostsAsync(["2026-10-28", "day", "tenant", "UTC"]));
    }

    // As if nothing were added up.
    private async Task<string> RowsAsync()
    {
        await SqlAsync("UPDATE rollup_day SET arrivals = arrivals + 1");
        var rows = await CostsAsync(["2026-10-28", "day", "tenant", "UTC"]);
        await SqlAsync("UPDATE rollup_day SET arrivals = arrivals - 1");
        return rows;
    }

    private async Task<string> CostsAsync(string[] query)
    {
        var parsed = UsageQuery.From(new UsageParameters { From = query[0], To = "now", Step = query[1], GroupBy = query[2], TimeZone = query[3] }, Caller.Local, _options.GrainSeconds, _store.IsPostgres, _clock.GetUtcNow(), out var faults);
        Assert.Empty(faults);
        var page = await new CostReport(_store, _options).RunAsync(parsed! with { Limit = 100_000 }, Cancel);
        return string.Join('\n', page.Rows.Select(row => JsonSerializer.Serialize(row, JsonSerializerOptions.Web)));
    }

    private async Task<string> UsageAsync(string[] query, string? tenant)
    {
        var caller = tenant is null ? Caller.Local : new Caller(Roles.Reader, tenant, null);
        var parsed = UsageQuery.From(new UsageParameters { From = query[0], To = "now", Step = query[1], GroupBy = query[2], TimeZone = query[3] }, caller, _options.GrainSeconds, _store.IsPostgres, _clock.GetUtcNow(), out var faults);
        Assert.Empty(faults);
        var page = await new UsageReport(_store, _options).RunAsync(parsed! with { Limit = 10_000 }, Cancel);
        return string.Join('\n', page.Rows.Select(row => JsonSerializer.Serialize(row, JsonSerializerOptions.Web)));
    }

    // Three workloads; CPU, memory and a reservation each; every hour another figure.
    private async Task HourAsync(int hour, string env = "", string only = "/")
    {
        var at = Start.AddHours(hour);
        var batch = new UsageBatch
        {
            Host = "h1", AgentEpoch = "epoch", BootId = "boot", FirstSequence = ++_sequence, Sequence = _sequence, Schema = 1, CoveredMicroseconds = 3_600_000_000, ExpectedMicroseconds = 3_600_000_000,
            WindowStart = Timestamp.FromDateTimeOffset(at), WindowEnd = Timestamp.FromDateTimeOffset(at.AddHours(1)),
        };
        foreach (var (path, n) in (ReadOnlySpan<(string, ulong)>)[("/a/1", 7), ("/a/2", 11), ("/b/1", 13)])
        {
            if (!path.StartsWith(only, StringComparison.Ordinal)) continue;
            var record = new WorkloadUsage { Kind = "raw", Id = path, Name = path, Path = path, Inode = n, Origin = Origin.Measured };
            if (env.Length > 0) record.Labels["env"] = env;
            Add("cpuMicroseconds", 777_777_777 * n % 3_600_000_000 + (ulong)hour * 1_234_567);
            Add("memoryByteSeconds", 7_777_777_777 * n + (ulong)hour);
            if (hour % 3 != 0) Add("cpuReservedMicroseconds", 1_800_000_000);
            batch.Workloads.Add(record);

            void Add(string meter, ulong quantity) => record.Meters.Add(new MeterReading { Meter = meter, Quantity = quantity, Availability = Availability.Exact });
        }

        var answer = Assert.Single(await _writer.WriteAsync([BatchSeries.Item(batch)], Cancel));
        Assert.Equal(Metering.Service.Ingest.IngestResult.Committed, answer.Result);
    }

    private Task PriceAsync(int number, string price) => SqlAsync(
        $$"""UPDATE price_version SET json = replace(json, '0.03', '{{price}}') WHERE version = {{number}}""");

    private Task ConfigureAsync() => _store.WriteAsync(async transaction =>
    {
        OwnershipRule[] rules = [new() { Match = new OwnershipMatch { Path = "/a/*" }, Tenant = "a", Project = "p" }, new() { Match = new OwnershipMatch { Path = "/b/*" }, Tenant = "b" }];
        transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
        transaction.Context.Add(new Tenant { Id = "a", PriceBook = "x", TimeZone = "Europe/Berlin" });
        transaction.Context.Add(new Tenant { Id = "b", PriceBook = "x", TimeZone = "America/New_York" });
        Price[] prices =
        [
            new() { Meter = "cpuSeconds", Unit = "Core-Hours", Model = "graduated", Basis = "max(usage, reservation)", Tiers = [new Tier(3, 0.05m), new Tier(20, 0.04m), new Tier(null, 0.03m)] },
            new() { Meter = "memoryByteSeconds", Unit = "GiB-Hours", Amount = 0.01m, Selector = new PriceSelector { Label = new() { ["env"] = "gold" } } },
            new() { Meter = "memoryByteSeconds", Unit = "GiB-Hours", Model = "volume", Tiers = [new Tier(0.1m, 0.05m), new Tier(null, 0.03m)] },
            new() { Model = "flat", Unit = "Workload-Hours", Amount = 0.001m }, new() { Model = "flat", Unit = "Months", Amount = 5 },
        ];
        var change = new DateTimeOffset(2026, 10, 29, 13, 0, 0, TimeSpan.Zero);
        transaction.Context.Add(new StoredPriceVersion { Book = "x", Version = 1, Json = JsonSerializer.Serialize(new PriceVersion { Currency = "EUR", ValidTo = change, Prices = prices[..^1] }, LedgerJson.Options) });
        transaction.Context.Add(new StoredPriceVersion { Book = "x", Version = 2, Json = JsonSerializer.Serialize(new PriceVersion { Currency = "EUR", ValidFrom = change, Prices = prices }, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }, Cancel);

    private Task SqlAsync(string sql) => _store.WriteAsync(transaction => transaction.ExecuteAsync(sql), Cancel);
}
