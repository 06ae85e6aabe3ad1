using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service.Applying;
using Metering.Service.Enforcement;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>Quotas whose figures are counted anew, edited together, moved to another zone, or that act.</summary>
public abstract partial class LedgerContract
{
    [Fact]
    public async Task A_large_window_is_counted_in_chunks_and_what_comes_in_between_counts_once()
    {
        var clock = new FakeClock(Start.AddMinutes(5));
        var writer = new GroupWriter(_store, _options, clock, [new QuotaEvaluator()]);
        var (sequence, sent) = (0UL, 0m);
        for (var hour = -5; hour <= 0; hour++) await Use(hour);
        var change = new QuotaChange(_store, _options, clock);
        change.Counter.ChunkRows = 10;
        var chunks = 0;
        change.Counter.BetweenChunks = async () =>
        {
            // Where it has been counted, where it is being counted, and where it will be.
            chunks++;
            Assert.Null((await Values(clock)).Single(view => view.Id == "q").Value);
            for (var hour = -5; hour <= 0; hour += 2) await Use(hour);
            await Use(0);
            if (chunks == 2) throw new InvalidOperationException("crash");
        };

        await Assert.ThrowsAsync<InvalidOperationException>(() => change.PutAsync("q", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "day", Limit = 500, Thresholds = [10, 20, 100] }, Alice, Cancel));
        Assert.Empty(await History("q"));
        await Use(-3);
        var keeper = Keeper(clock);
        keeper.Counter.ChunkRows = 10;
        keeper.Counter.BetweenChunks = () => chunks++ < 4 ? Use(-2) : Task.CompletedTask;
        await keeper.TickAsync(Cancel);
        Assert.InRange(chunks, 4, 20);
        await Use(-1);

        Assert.Equal(sent, (await Values(clock)).Single().Value);
        Assert.Equal(sent, (await Usage())["cpuSeconds"]);
        Assert.Equal(0, await Count("quota_counting"));
        Assert.Equal(0, await keeper.TickAsync(Cancel));
        Assert.Equal(["10 firing", "20 firing"], (await History("q")).Select(entry => $"{entry.Crossing.Threshold:0} {entry.Crossing.State}"));

        async Task Use(int hour)
        {
            var batch = Batch(++sequence, [.. Enumerable.Range(0, 10).Select(i => ("/w" + i, 1_000_000UL))]);
            (batch.WindowStart, batch.WindowEnd) = (Timestamp.FromDateTimeOffset(Start.AddHours(hour)), Timestamp.FromDateTimeOffset(Start.AddHours(hour).AddSeconds(10)));
            await writer.WriteAsync([Item(batch)], Cancel);
            sent += 10;
        }
    }

    [Fact]
    public async Task A_tenant_that_comes_to_another_zone_is_not_told_the_same_again()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Change("INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('t', 't', 'UTC', 'EUR', '')");
        var clock = new FakeClock(Start.AddMinutes(5));
        await Put(clock, "q", new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cpuSeconds", Window = "day", Limit = 100, Thresholds = [50, 100] });
        await Write(clock, Batch(1, ("/a", 60_000_000)));
        await Change("UPDATE tenant SET time_zone = 'Europe/Berlin'");
        await _store.WriteAsync(LedgerSnapshot.RaiseAsync, Cancel);
        Assert.Equal(0, await Keeper(clock).TickAsync(Cancel));
        Assert.Equal(60m, (await Values(clock)).Single().Value);
        await Write(clock, Batch(2, ("/a", 50_000_000)));
        Assert.Equal(["50 firing", "100 firing"], (await History("q")).Select(entry => $"{entry.Crossing.Threshold:0} {entry.Crossing.State}"));

        // The day ends where it ends in Berlin; what was said under the old one is taken back under the same key.
        clock.Advance(TimeSpan.FromHours(15));
        await Keeper(clock).TickAsync(Cancel);
        var history = await History("q");
        Assert.Equal(["50 resolved", "100 resolved"], history.Skip(2).Select(entry => $"{entry.Crossing.Threshold:0} {entry.Crossing.State}"));
        Assert.Equal(history[0].Crossing.Key, history[2].Crossing.Key);
        Assert.Equal(history[1].Crossing.Key, history[3].Crossing.Key);
        await Write(clock, Timed(3, clock.GetUtcNow().AddMinutes(-1), 60_000_000));
        Assert.Equal(5, (await History("q")).Count);
    }

    [Fact]
    public async Task A_cost_beyond_what_money_can_count_reaches_every_threshold_and_ingest_goes_on()
    {
        await Change("INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('unattributed', 'u', 'UTC', 'EUR', 'b')");
        var version = new PriceVersion { Currency = "EUR", Prices = [new Price { Meter = "memoryByteSeconds", Unit = "Byte-Seconds", Amount = 900_000_000m }] };
        await _store.WriteAsync(async transaction =>
        {
            transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(version, LedgerJson.Options) });
            await transaction.Context.SaveChangesAsync(Cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
        }, Cancel);
        var clock = new FakeClock(Start.AddMinutes(5));
        await Put(clock, "cost", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cost", Window = "month", Limit = 1e20m, Thresholds = [1, 100, 1000] });
        await Put(clock, "rate", new Quota { Subject = new QuotaSubject { Fleet = true }, Kind = "rate", Meter = "cost", Limit = 1e-20m });
        for (var i = 1UL; i <= 3; i++)
        {
            var batch = Batch(i, ("/a", 1));
            batch.Workloads[0].Meters.Add(new MeterReading { Meter = "memoryByteSeconds", Quantity = 1UL << 56, Availability = Availability.Exact });
            Assert.Equal(IngestResult.Committed, Assert.Single(await Write(clock, batch)).Result);
        }

        clock.Advance(TimeSpan.FromMinutes(5));
        await Keeper(clock).TickAsync(Cancel);
        Assert.Equal(["1 firing", "100 firing", "1000 firing"], (await History("cost")).Select(entry => $"{entry.Crossing.Threshold:0} {entry.Crossing.State}"));
        Assert.Equal(QuotaMath.Largest, (await Values(clock)).Single(view => view.Id == "cost").Value);
    }

    [Fact]
    public async Task Quotas_of_one_file_are_put_together_or_not_at_all_and_every_fault_is_told()
    {
        await Change("INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('t', 't', 'UTC', 'EUR', '')");
        var clock = new FakeClock(Start);
        var change = new QuotaChange(_store, _options, clock);
        var sound = new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cpuSeconds", Limit = 100 };
        await change.PutAsync("whole", sound, Alice, Cancel);

        var refused = await Apply(change, false, ("a", sound with { Meter = "nothing", Limit = 0 }), ("b", sound), ("B", sound), ("c", sound), ("c", sound), ("d", sound with { Subject = new QuotaSubject { Tenant = "t", Project = "p" }, Limit = 99 }));
        Assert.Equal(["documents[0].limit", "documents[0].meter", "documents[1]", "documents[2]", "documents[3]", "documents[4]"], refused.Order(StringComparer.Ordinal));
        Assert.Equal(["whole"], (await Values(clock)).Select(view => view.Id));

        // Each beside the others as they will be: the whole grows with its part, whichever comes first. Only a check changes nothing.
        (string, Quota)[] grown = [("d", sound with { Subject = new QuotaSubject { Tenant = "t", Project = "p" }, Limit = 150 }), ("whole", sound with { Limit = 200 })];
        Assert.Empty(await Apply(change, true, grown));
        Assert.Equal(["whole"], (await Values(clock)).Select(view => view.Id));
        Assert.Empty(await Apply(change, false, grown));
        Assert.Equal(["d", "whole"], (await Values(clock)).Select(view => view.Id));
    }

    private static async Task<List<string>> Apply(QuotaChange change, bool check, params (string Id, Quota Body)[] quotas)
    {
        var request = new ApplyRequest { Documents = [.. quotas.Select(quota => new ApplyRequest.Entry(quota.Id, JsonSerializer.SerializeToElement(quota.Body, LedgerJson.Options)))] };
        var answer = await change.ApplyAsync(request, check, DocumentVersions.ById("SELECT json FROM quota WHERE id = @id"), Alice, Cancel);
        if (answer.Result is NoContent) return [];
        var problem = Assert.IsType<ProblemHttpResult>(answer.Result);
        return [.. ((string[])problem.ProblemDetails.Extensions["faults"]!).Select(fault => fault.Split(' ')[0])];
    }

    [Fact]
    public async Task What_a_quota_enforces_is_taken_back_when_its_window_ends_and_begun_again_when_the_next_is_over()
    {
        var clock = new FakeClock(Start.AddMinutes(5));
        await Put(clock, "cap", new Quota { Subject = new QuotaSubject { Host = "h1" }, Meter = "cpuSeconds", Window = "hour", Limit = 100, Enforce = new QuotaEnforcement { Action = "cpu.max", Value = 100 } });
        var board = new CommandBoard(clock);
        using var enforcement = new EnforcementKeeper(_store, _options, board, clock, NullLogger<EnforcementKeeper>.Instance);
        await enforcement.TickAsync(Cancel);
        Assert.Empty(board.For("h1"));

        await Write(clock, Timed(1, Start, 120_000_000));
        await enforcement.TickAsync(Cancel);
        Assert.Single(board.For("h1"));

        // To the last second of the hour, renewed; then freed, though no clock has judged the quota yet.
        clock.Advance(TimeSpan.FromMinutes(54));
        await enforcement.TickAsync(Cancel);
        Assert.Single(board.For("h1"));
        Assert.Empty(await Texts("SELECT id FROM enforcement WHERE released_at IS NOT NULL"));
        clock.Advance(TimeSpan.FromMinutes(1));
        await enforcement.TickAsync(Cancel);
        Assert.Single(await Texts("SELECT id FROM enforcement WHERE released_at IS NOT NULL"));
        Assert.Single(board.For("h1"));

        // The release is said for as long as the command would have held; the next hour is another time.
        clock.Advance(TimeSpan.FromMinutes(6));
        await Keeper(clock).TickAsync(Cancel);
        await enforcement.TickAsync(Cancel);
        Assert.Empty(board.For("h1"));
        await Write(clock, Timed(2, Start.AddHours(1), 130_000_000));
        await enforcement.TickAsync(Cancel);
        Assert.Single(board.For("h1"));
        Assert.Equal(2, await Count("enforcement"));
        Assert.Equal(["enforcement.begin", "enforcement.begin", "enforcement.release"], (await Texts("SELECT action FROM audit WHERE action LIKE 'enforcement%'")).Order(StringComparer.Ordinal));
    }
}
