using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service.Access;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Tenants;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>What a ledger must do, whatever database it is kept in. A subclass gives the connection string of an empty database.</summary>
public abstract partial class LedgerContract : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);
    private LedgerOptions _options = null!;
    private LedgerStore _store = null!;
    private GroupWriter _writer = null!;

    protected abstract Task<string> ConnectionStringAsync();

    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = await ConnectionStringAsync() };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        _writer = Writer();
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        await EndAsync();
        GC.SuppressFinalize(this);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_batch_takes_effect_once_however_often_it_comes()
    {
        var batch = Batch(1, ("/a", 1_000_000));

        Assert.Equal(IngestResult.Committed, (await Write(batch))[0].Result);
        Assert.Equal([IngestResult.Duplicate, IngestResult.Duplicate], (await Write(batch, batch)).Select(answer => answer.Result));

        Assert.Equal(1m, (await Usage())["cpuSeconds"]);
    }

    [Fact]
    public async Task The_same_batch_twice_in_one_group_takes_effect_once()
    {
        var batch = Batch(1, ("/a", 1_000_000));

        Assert.Equal([IngestResult.Committed, IngestResult.Duplicate], (await Write(batch, batch)).Select(answer => answer.Result));
        Assert.Equal(1m, (await Usage())["cpuSeconds"]);
    }

    [Fact]
    public async Task Other_content_under_a_known_number_is_a_fork_and_so_is_an_overlapping_range()
    {
        await Write(Batch(1, ("/a", 1)), Batch(2, ("/a", 1)), Batch(3, ("/a", 1)));

        var answers = await Write(Batch(2, ("/a", 9)), Range(2, 4, ("/a", 9)), Range(3, 3, ("/a", 9)));

        Assert.All(answers, answer => Assert.Equal((IngestResult.Refused, true), (answer.Result, answer.Reason!.StartsWith("fork", StringComparison.Ordinal))));
        Assert.Equal(0.000003m, (await Usage())["cpuSeconds"]);
        Assert.Equal(3, await Count("quarantine"));
        Assert.Equal(3UL, answers[0].Downlink!.CommittedSequence);
    }

    [Fact]
    public async Task The_mark_waits_for_the_gap_and_the_usage_does_not()
    {
        await Write(Batch(1, ("/a", 1_000_000)));
        var beyond = (await Write(Batch(4, ("/a", 1_000_000)), Range(6, 8, ("/a", 1_000_000))))[1];

        Assert.Equal(1UL, beyond.Downlink!.CommittedSequence);
        Assert.Equal(3m, (await Usage())["cpuSeconds"]);
        Assert.Equal(2, await Count("gap"));

        Assert.Equal(4UL, (await Write(Range(2, 3, ("/a", 0))))[0].Downlink!.CommittedSequence);
        Assert.Equal(8UL, (await Write(Batch(5, ("/a", 0))))[0].Downlink!.CommittedSequence);
        Assert.Equal(0, await Count("gap"));
    }

    [Fact]
    public async Task Any_order_gives_the_same_ledger()
    {
        var random = new Random(9);
        var batches = Enumerable.Range(1, 40).Select(i => Batch((ulong)i, ("/a", (ulong)random.Next(1000)), ("/b" + i % 3, (ulong)random.Next(1000)))).ToArray();
        var expected = batches.Sum(batch => batch.Workloads.Sum(workload => (decimal)workload.Meters[0].Quantity)) / 1_000_000;
        random.Shuffle(batches);

        foreach (var group in batches.Chunk(7)) await Write(group);

        Assert.Equal(expected, (await Usage())["cpuSeconds"]);
        Assert.Equal(40UL, (await DownlinkQuery.FindAsync(_store, "h1", "epoch", Cancel))!.CommittedSequence);
    }

    [Fact]
    public async Task Unknown_is_not_zero_and_a_peak_is_the_largest()
    {
        var batch = Batch(1, ("/a", 5));
        batch.Workloads[0].Meters.Add(new MeterReading { Meter = "pidsPeak", Quantity = 7, Availability = Availability.Exact });
        var later = Batch(2, ("/a", 5));
        later.Workloads[0].Meters.Add(new MeterReading { Meter = "pidsPeak", Quantity = 3, Availability = Availability.Exact });
        later.Workloads[0].Meters.Add(new MeterReading { Meter = "ioReadBytes", Quantity = 0, Availability = Availability.Exact });

        await Write(batch);
        await Write(later);

        var quantities = await Usage();
        Assert.Equal((7m, 0m), (quantities["pidsPeak"], quantities["ioReadBytes"]));
        Assert.False(quantities.ContainsKey("memoryByteSeconds"));
    }

    [Fact]
    public async Task Sums_pass_sixty_four_bits_without_a_word()
    {
        const ulong Huge = 1UL << 56;
        for (var i = 0; i < 3; i++)
        {
            // Each in an hour of its own, 60 workloads: no row overflows, the sum does.
            var batch = Batch((ulong)i + 1, [.. Enumerable.Range(0, 60).Select(workload => ("/w" + workload, Huge))]);
            batch.WindowStart = Timestamp.FromDateTimeOffset(Start.AddHours(-i));
            batch.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddHours(-i).AddSeconds(10));
            foreach (var workload in batch.Workloads) workload.Meters[0].Meter = "memoryByteSeconds";
            await Write(batch);
        }

        Assert.Equal(180m * Huge, (await Usage())["memoryByteSeconds"]);
    }

    [Fact]
    public async Task A_row_that_would_overflow_quarantines_the_batch_that_is_to_blame()
    {
        using var commit = new GroupCommit(_writer, TimeProvider.System, NullLogger<GroupCommit>.Instance);
        await commit.StartAsync(Cancel);
        var deliveries = Enumerable.Range(1, 130).Select(i => commit.CommitAsync(new Delivery(Batch((ulong)i, ("/a", 1UL << 56)).ToByteArray(), "test", "h1"), Cancel)).ToArray();

        var answers = await Task.WhenAll(deliveries);
        await commit.StopAsync(Cancel);

        var committed = answers.Count(answer => answer.Result == IngestResult.Committed);
        Assert.Equal(127, committed);
        Assert.Equal(3, answers.Count(answer => answer.Result == IngestResult.Quarantined));
        Assert.Equal(127m * (1UL << 56) / 1_000_000, (await Usage())["cpuSeconds"]);
        Assert.Equal(130UL, (await DownlinkQuery.FindAsync(_store, "h1", "epoch", Cancel))!.CommittedSequence);
    }

    [Fact]
    public async Task Bad_content_is_kept_and_the_sequence_goes_on()
    {
        var newer = Batch(1, ("/a", 5));
        newer.Schema = 2;

        var answers = await Write(newer, Batch(2, ("/a", 5)));

        Assert.Equal([IngestResult.Quarantined, IngestResult.Committed], answers.Select(answer => answer.Result));
        Assert.Equal(2UL, answers[0].Downlink!.CommittedSequence);
        Assert.Equal(IngestResult.Duplicate, (await Write(newer))[0].Result);
        Assert.Equal(1, await Count("quarantine"));
    }

    [Fact]
    public async Task An_epoch_of_another_host_is_refused_and_its_state_is_not_touched()
    {
        await Write(Batch(1, ("/a", 5)));
        var stolen = Batch(2, ("/a", 5));
        stolen.Host = "h2";

        var answer = (await Write(stolen))[0];

        Assert.Equal(IngestResult.Refused, answer.Result);
        Assert.Equal("", answer.Downlink!.AgentEpoch);
        Assert.Equal(1UL, (await DownlinkQuery.FindAsync(_store, "h1", "epoch", Cancel))!.CommittedSequence);
    }

    [Fact]
    public async Task A_window_over_a_bound_is_split_by_time_and_says_that_it_is_estimated()
    {
        var batch = Batch(1, ("/a", 3_000_000));
        batch.WindowStart = Timestamp.FromDateTimeOffset(Start.AddMinutes(-20));
        batch.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddMinutes(10));
        await Write(batch);

        var page = await Report("hour", "");

        Assert.Equal([2m, 1m], page.Rows.Select(row => row.Quantities["cpuSeconds"]));
        Assert.All(page.Rows, row => Assert.Equal(1m, row.EstimatedShare));
    }

    [Fact]
    public async Task After_a_missed_bound_sums_are_exact_in_every_bucket_and_only_that_part_is_estimated()
    {
        const ulong Odd = 7_777_777_777;
        var late = Batch(1, ("/a", Odd), ("/b", 5));
        late.WindowStart = Timestamp.FromDateTimeOffset(Start.AddHours(-8).AddSeconds(10));
        late.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddSeconds(20));
        late.CoveredMicroseconds = late.ExpectedMicroseconds = 8UL * 3600 * 1_000_000 + 10_000_000;
        late.Workloads[0].Meters.Add(new MeterReading { Meter = "memoryByteSeconds", Quantity = Odd - 1, Availability = Availability.Exact });
        var next = Batch(2, ("/a", 3_000_000));
        next.WindowStart = late.WindowEnd;
        next.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddSeconds(30));
        await Write(late, next);

        var hours = (await Report("hour", "")).Rows;

        Assert.Equal(9, hours.Count);
        Assert.Equal((decimal)(Odd + 5 + 3_000_000) / 1_000_000, hours.Sum(row => row.Quantities["cpuSeconds"]));
        Assert.Equal((decimal)Odd - 1, hours.Sum(row => row.Quantities["memoryByteSeconds"]));
        Assert.All(hours, row => Assert.Equal(1m, row.Coverage));
        Assert.All(hours.SkipLast(1), row => Assert.Equal(1m, row.EstimatedShare));

        // 20 s of the eight hours and the pass after it lie in the last one.
        var split = (decimal)(Odd + 5) * 20 / (8 * 3600 + 10) / 1_000_000;
        Assert.InRange(hours[^1].EstimatedShare, split / (split + 3) - 0.001m, split / (split + 3) + 0.001m);
        var total = (await Report("total", "")).Rows.Single();
        Assert.InRange(total.EstimatedShare, (decimal)Odd / (Odd + 3_000_000) - 0.001m, (decimal)Odd / (Odd + 3_000_000) + 0.001m);
    }

    [Fact]
    public async Task An_empty_window_is_billed_at_its_instant_and_covers_nothing()
    {
        var repeated = Batch(2, ("/a", 2_000_000));
        repeated.WindowStart = repeated.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddSeconds(10));
        repeated.CoveredMicroseconds = repeated.ExpectedMicroseconds = 0;
        Assert.All(await Write(Batch(1, ("/a", 1_000_000)), repeated), answer => Assert.Equal(IngestResult.Committed, answer.Result));

        var hour = Assert.Single((await Report("hour", "")).Rows);

        Assert.Equal((3m, 1m, 0m), (hour.Quantities["cpuSeconds"], hour.Coverage, hour.EstimatedShare));
    }

    [Fact]
    public async Task Rules_given_later_reach_usage_that_is_stored()
    {
        await Write(Batch(1, ("/a", 1_000_000), ("/b", 2_000_000)));
        Assert.Equal(["unattributed"], (await Report("total", "tenant")).Rows.Select(row => row.Key["tenant"]));

        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "/a*" }, Tenant = "alpha" });
        await Write(Batch(2, ("/a", 1_000_000)));

        var byTenant = (await Report("total", "tenant")).Rows.ToDictionary(row => (string)row.Key["tenant"], row => row.Quantities["cpuSeconds"]);
        Assert.Equal((2m, 2m), (byTenant["alpha"], byTenant["unattributed"]));
        Assert.Equal(2m, (await Report("total", "", new Caller(Roles.Reader, "alpha", null))).Rows[0].Quantities["cpuSeconds"]);
        Assert.Empty((await Report("total", "workload", new Caller(Roles.Reader, "nobody", null))).Rows);
    }

    [Fact]
    public async Task Costs_are_the_same_by_whatever_they_are_grouped()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Price(0.0123456789m);
        for (var i = 1; i <= 12; i++) await Write(Batch((ulong)i, ("/a", (ulong)i * 777_777), ("/b", (ulong)i * 333_331)));

        var total = (await Costs("total", "")).Rows.Single().Cost?.ToDecimal();

        Assert.NotNull(total);
        Assert.Equal(total, (await Costs("total", "workload")).Rows.Sum(row => row.Cost?.ToDecimal()));
        Assert.Equal(total, (await Costs("hour", "tenant,workload")).Rows.Sum(row => row.Cost?.ToDecimal()));
        var microseconds = Enumerable.Range(1, 12).Sum(i => i * (777_777m + 333_331m));
        Assert.Equal(Math.Round(microseconds / 3_600_000_000m, 9, MidpointRounding.ToEven) * 0.0123456789m, total);
    }

    [Fact]
    public async Task A_quota_is_crossed_once_by_several_writers_at_once()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Quota("q", new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cpuSeconds", Limit = 100, Thresholds = [50, 100] });
        var writers = Enumerable.Range(0, 4).Select(_ => Writer()).ToArray();

        // 4 × 30 s against 50 and 100: whoever comes second must see what the first has added.
        await Task.WhenAll(writers.Select(async (writer, w) =>
        {
            for (var i = 1; i <= 3; i++)
            {
                var batch = Batch((ulong)i, ("/a" + w, 10_000_000));
                (batch.Host, batch.AgentEpoch) = ("h" + w, "epoch-" + w);
                await Again(() => writer.WriteAsync([Item(batch)], Cancel));
            }
        }));

        Assert.Equal(2, await Count("outbox"));
        Assert.Equal(120m, (await Usage())["cpuSeconds"]);
    }

    [Fact]
    public async Task Several_writers_given_the_same_batches_add_them_once()
    {
        var batches = Enumerable.Range(1, 30).Select(i => Batch((ulong)i, ("/a", 1_000_000), ("/b" + i, 1_000_000))).ToArray();

        await Task.WhenAll(Enumerable.Range(0, 3).Select(async seed =>
        {
            var writer = Writer();
            var mine = batches.ToArray();
            new Random(seed).Shuffle(mine);
            foreach (var group in mine.Chunk(4)) await Again(() => writer.WriteAsync([.. group.Select(Item)], Cancel));
        }));

        Assert.Equal(60m, (await Usage())["cpuSeconds"]);
        Assert.Equal(30UL, (await DownlinkQuery.FindAsync(_store, "h1", "epoch", Cancel))!.CommittedSequence);
    }

    [Fact]
    public async Task A_crash_at_any_point_leaves_all_of_it_or_nothing()
    {
        foreach (var point in new[] { "in transaction", "before commit" })
        {
            var writer = Writer();
            writer.FaultPoint = at => { if (at == point) throw new InvalidOperationException(point); };
            await Assert.ThrowsAsync<InvalidOperationException>(() => writer.WriteAsync([Item(Batch(1, ("/a", 1_000_000)))], Cancel));
            Assert.Equal((0, 0, 0), (await Count("receipt"), await Count("usage"), await Count("workload")));
        }

        Assert.Equal(IngestResult.Committed, (await Write(Batch(1, ("/a", 1_000_000))))[0].Result);
    }

    private GroupWriter Writer() => new(_store, _options, TimeProvider.System, [new QuotaEvaluator()]);

    // As GroupCommit does it: a transaction that met another is run again as a whole.
    private static async Task Again(Func<Task<IngestAnswer[]>> write)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                await write();
                return;
            }
            catch (LedgerConflictException) when (tries < 50)
            {
                // Another replica was first.
            }
        }
    }

    private Task<IngestAnswer[]> Write(params UsageBatch[] batches) => _writer.WriteAsync([.. batches.Select(Item)], Cancel);

    private static GroupItem Item(UsageBatch batch)
    {
        var bytes = batch.ToByteArray();
        var decoded = BatchDecoder.Decode(bytes, TimeProvider.System.GetUtcNow().AddYears(10), out var fault);
        return new GroupItem(new Delivery(bytes, "test", batch.Host), decoded, fault, null);
    }

    private static UsageBatch Batch(ulong sequence, params (string Path, ulong Microseconds)[] workloads) => Range(sequence, sequence, workloads);

    private static UsageBatch Range(ulong first, ulong last, params (string Path, ulong Microseconds)[] workloads)
    {
        var batch = new UsageBatch
        {
            Host = "h1",
            AgentEpoch = "epoch",
            FirstSequence = first,
            Sequence = last,
            Schema = 1,
            WindowStart = Timestamp.FromDateTimeOffset(Start),
            WindowEnd = Timestamp.FromDateTimeOffset(Start.AddSeconds(10)),
            CoveredMicroseconds = 10_000_000,
            ExpectedMicroseconds = 10_000_000,
        };
        foreach (var (path, microseconds) in workloads)
        {
            batch.Workloads.Add(new WorkloadUsage
            {
                Kind = "raw", Id = path, Name = path, Path = path, Inode = 1,
                Meters = { new MeterReading { Meter = "cpuMicroseconds", Quantity = microseconds, Availability = Availability.Exact } },
            });
        }

        return batch;
    }

    private async Task<IReadOnlyDictionary<string, decimal>> Usage() => (await Report("total", "")).Rows.Single().Quantities;

    private UsageQuery Query(string step, string groupBy, Caller? caller) => UsageQuery.From(
        new UsageParameters { From = Start.AddHours(-10).ToString("O"), To = Start.AddHours(2).ToString("O"), Step = step, GroupBy = groupBy },
        caller ?? Caller.Local, 3600, _store.IsPostgres, Start, out _)!;

    private Task<UsagePage> Report(string step, string groupBy, Caller? caller = null) => new UsageReport(_store, _options).RunAsync(Query(step, groupBy, caller), Cancel);

    private Task<CostPage> Costs(string step, string groupBy) => new CostReport(_store, _options).RunAsync(Query(step, groupBy, null), Cancel);

    private async Task<long> Count(string table)
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT COUNT(*) FROM " + table;
        return Convert.ToInt64(await command.ExecuteScalarAsync(Cancel), System.Globalization.CultureInfo.InvariantCulture);
    }

    private Task Rules(params OwnershipRule[] rules) => _store.WriteAsync(async transaction =>
    {
        await transaction.ExecuteAsync("DELETE FROM ownership_rules");
        transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
        await Ownerships.RebuildAsync(transaction, new OwnershipRules(rules));
    }, Cancel);

    private Task Price(decimal amount) => _store.WriteAsync(async transaction =>
    {
        transaction.Context.Add(new Tenant { Id = "t", PriceBook = "b" });
        var version = new PriceVersion { Currency = "EUR", Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = amount }] };
        transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(version, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }, Cancel);

    private Task Quota(string id, Quota quota) => _store.WriteAsync(async transaction =>
    {
        transaction.Context.Add(new StoredQuota { Id = id, Json = JsonSerializer.Serialize(quota, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }, Cancel);
}
