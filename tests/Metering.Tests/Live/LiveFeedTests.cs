using System.Text.Json;
using Metering.Messages;
using Metering.Service.Access;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Live;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Metering.Tests.Verification;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Live;

/// <summary>Rates from the stored batches of the last minute.</summary>
public sealed class LiveFeedTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);
    private readonly string _directory = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-live-" + Path.GetRandomFileName())).FullName;
    private readonly FakeClock _clock = new(Start);
    private LedgerStore _store = null!;
    private GroupWriter _writer = null!;
    private LiveFeed _feed = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var options = new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(_directory, "ledger.db")}" };
        _store = LedgerStore.Create(options);
        await _store.OpenAsync(Cancel);
        _writer = new GroupWriter(_store, options, _clock, []);
        var inventory = new Inventory(_store, new HostFigures(_store, _clock), new HostAlarms(_clock, NullLogger<HostAlarms>.Instance), _clock);
        _feed = new LiveFeed(_store, inventory, _clock);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>What an agent merged while its way was blocked is one batch over all of that time: its rate is that of its whole window, and so is its cost.</summary>
    [Fact]
    public async Task A_window_longer_than_a_minute_is_no_higher_rate()
    {
        await RuleAndPriceAsync();
        foreach (var seconds in new[] { 300, 3600 })
        {
            var host = new BatchSeries("h" + seconds, Start, seconds);
            for (var i = 0; i < 2; i++)
            {
                // Half a core, and 100 bytes held.
                var batch = host.Next(("/a", 500_000UL * (ulong)seconds, false));
                batch.Workloads[0].Meters.Add(new MeterReading { Meter = "memoryByteSeconds", Quantity = 100UL * (ulong)seconds, Availability = Availability.Exact });
                batch.Workloads[0].Meters.Add(new MeterReading { Meter = "memoryReservedByteSeconds", Quantity = 200UL * (ulong)seconds, Availability = Availability.Exact });
                await _writer.WriteAsync([BatchSeries.Item(batch)], Cancel);
            }
        }

        foreach (var at in new[] { 601, 7201 })
        {
            _clock.Advance(Start.AddSeconds(at) - _clock.GetUtcNow());
            var view = await _feed.GetAsync(Caller.Local, Cancel);
            var row = Assert.Single(view.Workloads, one => one.Host == (at == 601 ? "h300" : "h3600"));
            Assert.Equal((0.5m, 100m, 1m), (row.CpuCores, row.MemoryBytes, row.CostPerHour));
        }
    }

    [Fact]
    public async Task Rates_are_those_of_the_last_window_and_levels_those_of_the_minute()
    {
        await RuleAndPriceAsync();
        var host = new BatchSeries("h", Start);
        for (var i = 0; i < 7; i++)
        {
            // 1 s of CPU in each window of 10 s, 5 s in the last; a level of 100 bytes that is billed at its next reading only.
            var batch = host.Next(("/a", i == 6 ? 5_000_000UL : 1_000_000UL, false), ("/b", 2_000_000, false));
            if (i is 0 or 6) batch.Workloads[0].Meters.Add(new MeterReading { Meter = "memoryByteSeconds", Quantity = i == 0 ? 1_000UL : 6_000UL, Availability = Availability.Exact });
            batch.Parents.Add(new Parent { Path = "/q", Inode = 9, Before = 100, After = 100, Own = 10, Below = 87, Held = 5 });
            await _writer.WriteAsync([BatchSeries.Item(batch)], Cancel);
        }

        _clock.Advance(TimeSpan.FromSeconds(71));
        var view = await _feed.GetAsync(Caller.Local, Cancel);

        Assert.Equal((0.7m, 0.2m), (view.CpuCores, view.UnattributedCores));
        var a = view.Workloads[0];
        Assert.Equal(("/a", "alpha", 0.5m, 100m, (decimal?)null), (a.Name, a.Tenant, a.CpuCores, a.MemoryBytes, a.IoBytesPerSecond));
        Assert.Equal((1m, "EUR"), (a.CostPerHour, a.Currency));
        Assert.Null(view.Workloads[1].CostPerHour);
        Assert.Equal(3, view.HeldMicroseconds);
        Assert.Equal(("h", 10m), (view.Hosts[0].Host, view.Hosts[0].WindowSeconds));

        var reader = await _feed.GetAsync(new Caller(Roles.Reader, "alpha", null), Cancel);
        Assert.Equal(["/a"], reader.Workloads.Select(row => row.Name));
        Assert.Empty(reader.Hosts);
        Assert.Equal((0.5m, 0m, 0L), (reader.CpuCores, reader.UnattributedCores, reader.HeldMicroseconds));
    }

    [Fact]
    public async Task A_host_that_fell_silent_is_not_live()
    {
        await _writer.WriteAsync([BatchSeries.Item(new BatchSeries("h", Start).Next(("/a", 5, false)))], Cancel);
        _clock.Advance(TimeSpan.FromMinutes(10));

        Assert.Empty((await _feed.GetAsync(Caller.Local, Cancel)).Hosts);
    }

    // alpha owns /a; a core costs 2 EUR an hour.
    private Task RuleAndPriceAsync() => _store.WriteAsync(async transaction =>
    {
        var rules = new[] { new OwnershipRule { Match = new OwnershipMatch { Path = "/a*" }, Tenant = "alpha" } };
        transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
        transaction.Context.Add(new Tenant { Id = "alpha", PriceBook = "b" });
        var version = new PriceVersion { Currency = "EUR", Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = 2 }] };
        transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(version, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }, Cancel);
}
