using Metering.Service.Access;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>Figures that are remembered, that wait to be added up, and that are changed in place: whoever asks has the same.</summary>
public abstract partial class LedgerContract
{
    [Fact]
    public async Task Two_replicas_that_take_turns_see_what_the_other_added_and_each_threshold_is_reached_once()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Fleet(clock, "q", thresholds: [30, 50, 100]);
        await Put(clock, "peak", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "memoryPeakBytes", Window = "day", Limit = 50 });
        var replicas = (GroupWriter[])[New(clock), New(clock)];
        for (var i = 0; i < 10; i++)
        {
            await replicas[i % 2].WriteAsync([Item(Of(i % 2, i / 2 + 1, 10, peak: i * 10))], Cancel);

            // What waits is added up while one of them knows it and the other does not.
            if (i == 4) await Settle();
        }

        Assert.Equal(["30 firing 30", "50 firing 50", "100 firing 100"], (await History("q")).ConvertAll(Said));
        Assert.Equal(["100 firing 50"], (await History("peak")).ConvertAll(Said));
        Assert.Equal([100_000_000], await Used("q", Start));
        await Settle();
        Assert.Equal([100_000_000], await Used("q", Start));
        Assert.Equal([90], await Used("peak", Start));
    }

    [Fact]
    public async Task A_writer_that_failed_before_its_commit_knows_nothing_of_what_it_added()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Fleet(clock, "q", thresholds: [30]);
        var writer = New(clock);
        await writer.WriteAsync([Item(Of(0, 1, 10))], Cancel);
        writer.FaultPoint = point => { if (point == "before commit") throw new InvalidOperationException(point); };
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.WriteAsync([Item(Of(0, 2, 15))], Cancel));
        writer.FaultPoint = null;

        await writer.WriteAsync([Item(Of(0, 2, 15))], Cancel);
        Assert.Empty(await History("q"));
        Assert.Equal([25_000_000], await Used("q", Start));
        await writer.WriteAsync([Item(Of(0, 3, 5))], Cancel);
        Assert.Equal(["30 firing 30"], (await History("q")).ConvertAll(Said));
    }

    [Fact]
    public async Task A_quota_that_is_removed_and_made_again_has_nothing_of_before_that_still_waited()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Fleet(clock, "q", thresholds: [50]);
        var writer = New(clock);
        await writer.WriteAsync([Item(Of(0, 1, 40))], Cancel);
        await new QuotaChange(_store, _options, clock).DeleteAsync("q", Alice, Cancel);
        await Settle();
        Assert.Empty(await Numbers("SELECT used_low FROM quota_window"));

        // It counts what the ledger has, once, and goes on from there.
        await Fleet(clock, "q", thresholds: [50]);
        Assert.Equal([40_000_000], await Used("q", Start));
        await writer.WriteAsync([Item(Of(0, 2, 9))], Cancel);
        Assert.Empty(await History("q"));
        await writer.WriteAsync([Item(Of(0, 3, 1))], Cancel);
        Assert.Equal(["50 firing 50"], (await History("q")).ConvertAll(Said));
    }

    [Fact]
    public async Task A_quota_that_is_counted_anew_while_growth_waits_counts_it_once_and_its_writer_learns_of_it()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "/0" }, Tenant = "a" });
        foreach (var tenant in (string[])["a", "b"]) await Change($"INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('{tenant}', '{tenant}', 'UTC', 'EUR', '')");
        foreach (var tenant in (string[])["a", "b"]) await Put(clock, tenant, new Quota { Subject = new QuotaSubject { Tenant = tenant }, Meter = "cpuSeconds", Window = "day", Limit = 100, Thresholds = [50] });
        var writer = New(clock);
        await writer.WriteAsync([Item(Of(0, 1, 40))], Cancel);
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "/0" }, Tenant = "b" });
        await Keeper(clock).TickAsync(Cancel);
        Assert.Empty(await Used("a", Start));
        Assert.Equal([40_000_000], await Used("b", Start));

        await writer.WriteAsync([Item(Of(0, 2, 10))], Cancel);
        Assert.Equal(["50 firing 50"], (await History("b")).ConvertAll(Said));
        Assert.Empty(await History("a"));
        foreach (var (tenant, value) in new[] { ("a", 0m), ("b", 50m) })
            Assert.Equal((tenant, value), (await new QuotaReport(_store, _options, clock).ListAsync(new Caller(Roles.Reader, tenant, null), null, Cancel)).Select(view => (view.Id, view.Value ?? -1)).Single());
    }

    [Fact]
    public async Task Figures_that_an_earlier_release_kept_by_the_hour_of_UTC_are_counted_anew_by_the_tenants_hour()
    {
        var clock = new FakeClock(Start.AddMinutes(50));
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Change("INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('t', 't', 'Asia/Kolkata', 'EUR', '')");
        await _store.WriteAsync(transaction => LedgerGrain.RefineAsync(transaction, _options, [], LedgerGrain.Fine, Start.AddMinutes(-30)), Cancel);
        await Put(clock, "hour", new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cpuSeconds", Window = "hour", Limit = 100, Thresholds = [50] });
        await Write(clock, Timed(1, Start.AddMinutes(5), 20_000_000), Timed(2, Start.AddMinutes(40), 30_000_000));
        await Settle();

        // The hour of UTC began at 8:00; that of the tenant at 8:30.
        await Change("UPDATE quota_clock SET basis = REPLACE(basis, '@', '')");
        await Change($"UPDATE quota_window SET window_start = {Start.ToUnixTimeSeconds()}, used_low = 50000000 WHERE window_start > {Start.ToUnixTimeSeconds()}");
        if (_store.IsPostgres) await Change("UPDATE quota_window SET id = " + QuotaFigureIdSchema.Id);
        await Keeper(clock).TickAsync(Cancel);

        Assert.Equal(30m, (await Values(clock)).Single().Value);
        Assert.Empty(await History("hour"));
    }

    [Fact]
    public async Task The_clock_adds_up_what_waits_and_leaves_nothing_behind()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Put(clock, "rolling", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "rolling 6h", Limit = 100, Thresholds = [50] });
        var (writer, keeper) = (New(clock), Keeper(clock));
        for (var i = 1; i <= 6; i++)
        {
            await writer.WriteAsync([Item(Of(0, i, 10))], Cancel);
            clock.Advance(TimeSpan.FromSeconds(10));
            await keeper.TickAsync(Cancel);
        }

        Assert.Equal(["50 firing 50"], (await History("rolling")).ConvertAll(Said));
        Assert.Equal(60m, (await Values(clock)).Single().Value);
        clock.Advance(TimeSpan.FromSeconds(30));
        await keeper.TickAsync(Cancel);
        Assert.Equal([60_000_000], await Numbers("SELECT used_low FROM quota_window"));
        if (_store.IsPostgres) Assert.Equal(0, await Count("quota_growth"));
    }

    private Task Fleet(TimeProvider clock, string id, IReadOnlyList<decimal> thresholds) =>
        Put(clock, id, new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "day", Limit = 100, Thresholds = thresholds });

    private GroupWriter New(TimeProvider clock) => new(_store, _options, clock, [new QuotaEvaluator()]);

    private static Messages.UsageBatch Of(int host, int sequence, int seconds, long peak = 0)
    {
        var batch = Batch((ulong)sequence, ("/" + host, (ulong)seconds * 1_000_000));
        (batch.Host, batch.AgentEpoch) = ("h" + host, "epoch-" + host);
        if (peak > 0) batch.Workloads[0].Meters.Add(new Messages.MeterReading { Meter = "memoryPeakBytes", Quantity = (ulong)peak, Availability = Messages.Availability.Exact });
        return batch;
    }

    private static string Said(QuotaHistoryEntry entry) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{entry.Crossing.Threshold:0} {entry.Crossing.State} {entry.Crossing.Value:0}");

    private Task Settle() => _store.IsPostgres ? _store.WriteAsync(QuotaGrowthLog.SettleAsync, Cancel) : Task.CompletedTask;

    /// <summary>A quota's figures from an instant on, in base units, with what waits to be added up.</summary>
    private async Task<List<Int128>> Used(string quota, DateTimeOffset from) => await _store.WriteAsync(async transaction =>
        (await QuotaWindows.ReadAsync(transaction, [(quota, from.AddDays(-70).ToUnixTimeSeconds())], Cancel))[quota].Select(figure => figure.Used).ToList(), Cancel);
}
