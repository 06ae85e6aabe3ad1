using System.Security.Claims;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service.Alerts;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>Quotas: each transition once, whatever happens in between.</summary>
public abstract partial class LedgerContract
{
    /// <summary>How many random lives are played; a database server has dearer commits.</summary>
    protected virtual int QuotaLives => 10;

    [Fact]
    public async Task Random_usage_edits_resets_replicas_and_crashes_give_the_transitions_that_a_simple_oracle_says()
    {
        await Rules([.. Enumerable.Range(0, QuotaLives).SelectMany(life => (OwnershipRule[])
            [new OwnershipRule { Match = new OwnershipMatch { Path = $"/{life}/p*" }, Tenant = "t" + life, Project = "p" }, new OwnershipRule { Match = new OwnershipMatch { Path = $"/{life}/*" }, Tenant = "t" + life }])]);
        var clock = new FakeClock(Start);
        var transitions = 0;
        for (var life = 0; life < QuotaLives; life++) transitions += await new QuotaLife(this, clock, life).PlayAsync(80);
        Assert.True(transitions > QuotaLives * 10, $"only {transitions} transitions: the lives are dull");
    }

    /// <summary>Each over some days in which clocks change: an hour twice, and none; with the end of a week, and of a month.</summary>
    [Theory]
    [InlineData("Europe/Berlin", "2026-10-24T12:00:00Z")]
    [InlineData("America/New_York", "2026-10-31T12:00:00Z")]
    [InlineData("Australia/Sydney", "2026-10-02T20:00:00Z")]
    public async Task Random_lives_of_tenants_whose_clocks_change_give_the_transitions_that_a_simple_oracle_says(string zone, string from)
    {
        const int Lives = 2;
        await Rules([.. Enumerable.Range(0, Lives).SelectMany(life => (OwnershipRule[])
            [new OwnershipRule { Match = new OwnershipMatch { Path = $"/{life}/p*" }, Tenant = "t" + life, Project = "p" }, new OwnershipRule { Match = new OwnershipMatch { Path = $"/{life}/*" }, Tenant = "t" + life }])]);
        var start = DateTimeOffset.Parse(from, System.Globalization.CultureInfo.InvariantCulture);
        var transitions = 0;
        for (var life = 0; life < Lives; life++)
        {
            var clock = new FakeClock(start);
            transitions += await new QuotaLife(this, clock, life, zone, slowness: 15).PlayAsync(80);
            Assert.InRange(clock.GetUtcNow(), start.AddDays(2), start.AddDays(12));
        }

        Assert.True(transitions > Lives * 6, $"only {transitions} transitions: the lives are dull");
    }

    /// <summary>One random life of a tenant's three quotas, from a seed.</summary>
    /// <param name="zone">Null: UTC. In another one windows are days, weeks and months.</param>
    /// <param name="slowness">How much longer than usual it waits.</param>
    private sealed class QuotaLife(LedgerContract ledger, FakeClock clock, int seed, string? zone = null, int slowness = 1)
    {
        private readonly Random _random = new(seed);
        private readonly QuotaOracle _oracle = new(zone is null ? null : TimeZoneInfo.FindSystemTimeZoneById(zone));
        private readonly string _tenant = "t" + seed;
        private readonly Dictionary<string, Quota> _quotas = [];
        private readonly (GroupWriter Writer, QuotaKeeper Keeper)[] _replicas = new (GroupWriter, QuotaKeeper)[2];
        private readonly QuotaChange _change = new(ledger._store, ledger._options, clock);
        private ulong _sequence;

        private long Now => clock.GetUtcNow().ToUnixTimeSeconds();

        public async Task<int> PlayAsync(int steps)
        {
            await ledger.Change($"INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('{_tenant}', '{_tenant}', '{zone ?? "UTC"}', 'EUR', '')");
            for (var i = 0; i < _replicas.Length; i++) Start(i);
            await Edit("hours-" + seed, quota => quota with { Subject = new QuotaSubject { Tenant = _tenant, Project = "p" }, Window = zone is null ? "hour" : "week", Limit = 100, Thresholds = [50, 100] });
            await Edit("days-" + seed, quota => quota with { Subject = new QuotaSubject { Tenant = _tenant, Project = "p" }, Window = "day", Limit = 400, Thresholds = [25, 75], Grace = "10m" });
            await Edit("rolling-" + seed, quota => quota with { Window = "rolling 3h", Limit = 200, Thresholds = [80, 100], Hysteresis = 20, For = "20m" });
            if (zone is not null) await Edit("months-" + seed, quota => quota with { Window = "month", Limit = 800, Thresholds = [20, 60] });
            for (var i = 0; i < steps; i++)
            {
                await (_random.Next(10) switch
                {
                    < 4 => Use(),
                    < 7 => Tick(),
                    < 8 => Edit(),
                    _ => Wait(),
                });
                if (i % 8 == 0) await Check(i);
            }

            await Check(steps);
            foreach (var id in _quotas.Keys) Assert.True(await _change.DeleteAsync(id, Alice, Cancel));
            return _quotas.Keys.Sum(id => _oracle.Said(id).Count);
        }

        private async Task Use()
        {
            var project = _random.Next(2) == 0 ? "p" : "";
            var bucket = Now / 3600 * 3600 - (_random.Next(4) == 0 ? _random.Next(1, 4) * 3600 : 0);
            var seconds = _random.Next(1, 60);
            var batch = Batch(++_sequence, ($"/{seed}/{(project.Length > 0 ? project : "x")}{_random.Next(2)}", (ulong)seconds * 1_000_000));
            (batch.Host, batch.AgentEpoch) = ("h" + seed, "epoch-" + seed);
            (batch.WindowStart, batch.WindowEnd) = (Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeSeconds(bucket)), Timestamp.FromDateTimeOffset(DateTimeOffset.FromUnixTimeSeconds(bucket + 10)));
            var point = _random.Next(5) switch { 0 => "in transaction", 1 => "before commit", 2 => "after commit", _ => null };
            for (var isDone = false; !isDone;)
            {
                var replica = _random.Next(2);
                var at = point;
                point = null;
                _replicas[replica].Writer.FaultPoint = here => { if (here == at) throw new InvalidOperationException(here); };
                try
                {
                    await _replicas[replica].Writer.WriteAsync([Item(batch)], Cancel);
                    isDone = true;
                }
                catch (InvalidOperationException)
                {
                    Start(replica);
                }
            }

            _oracle.Use(bucket, _tenant, project, seconds, Now);
        }

        private async Task Tick()
        {
            var replica = _random.Next(2);
            if (_random.Next(4) == 0)
            {
                _replicas[replica].Keeper.FaultPoint = _ => throw new InvalidOperationException();
                await Assert.ThrowsAsync<InvalidOperationException>(() => _replicas[replica].Keeper.TickAsync(Cancel));
                Start(replica);
            }

            await _replicas[replica].Keeper.TickAsync(Cancel);
            _oracle.Tick(Now);
        }

        private Task Wait()
        {
            clock.Advance(TimeSpan.FromSeconds(slowness * (_random.Next(3) == 0 ? _random.Next(1200, 5000) : _random.Next(1, 900))));
            return Task.CompletedTask;
        }

        private Task Edit()
        {
            var id = _quotas.Keys.Order(StringComparer.Ordinal).ElementAt(_random.Next(_quotas.Count));
            return _random.Next(5) switch
            {
                0 => Edit(id, quota => quota with { Paused = !quota.Paused }),
                1 => Edit(id, quota => quota with { Thresholds = quota.Thresholds.Count > 1 ? [quota.Thresholds[^1]] : [25, quota.Thresholds[0]] }),
                2 when id.StartsWith("hours", StringComparison.Ordinal) => Edit(id, quota => quota with { Window = quota.Window != "day" ? "day" : zone is null ? "hour" : "week" }),
                _ => Edit(id, quota => quota with { Limit = quota.Limit!.Value * _random.Next(5, 15) / 10 }),
            };
        }

        private async Task Edit(string id, Func<Quota, Quota> change)
        {
            var known = _quotas.GetValueOrDefault(id) ?? new Quota { Subject = new QuotaSubject { Tenant = _tenant }, Meter = "cpuSeconds", Limit = 1 };
            _quotas[id] = change(known);
            await _change.PutAsync(id, _quotas[id], Alice, Cancel);
            _oracle.Edit(id, _quotas[id], Now);
        }

        private async Task Check(int step)
        {
            foreach (var id in _quotas.Keys)
            {
                var history = await ledger.History(id);
                var said = history.Select(entry => $"{QuotaThreshold.Text(entry.Crossing.Threshold)} {entry.Former}>{entry.Crossing.State}").ToArray();
                Assert.True(said.SequenceEqual(_oracle.Said(id)), $"seed {seed}, step {step}, {id}: it said {string.Join(", ", said)}; due is {string.Join(", ", _oracle.Said(id))}");
                Assert.Equal(Enumerable.Range(1, history.Count).Select(i => (long)i), history.Select(entry => entry.Number));
                var sent = history.Where(entry => entry.Crossing.State is "firing" or "resolved").Select(entry => $"qt_{id}_{entry.Number}").Order(StringComparer.Ordinal);
                Assert.Equal(sent, (await ledger.Texts($"SELECT event_id FROM outbox WHERE subject = '{id}'")).Order(StringComparer.Ordinal));
                var view = Assert.Single(await new QuotaReport(ledger._store, ledger._options, clock).ListAsync(Service.Access.Caller.Local, id, Cancel));
                Assert.Equal(_oracle.Value(id, Now), view.Value);
            }
        }

        // A process that died comes back with nothing in memory.
        private void Start(int replica) => _replicas[replica] = (new GroupWriter(ledger._store, ledger._options, clock, [new QuotaEvaluator()]), new QuotaKeeper(ledger._store, ledger._options, clock, null, NullLogger<QuotaKeeper>.Instance));
    }

    [Fact]
    public async Task Two_replicas_that_write_judge_and_edit_at_once_fire_each_threshold_once()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Change("INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('t', 't', 'UTC', 'EUR', '')");
        var clock = new FakeClock(Start.AddMinutes(5));
        var change = new QuotaChange(_store, _options, clock);
        for (var i = 0; i < 5; i++)
            await change.PutAsync("q" + i, new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cpuSeconds", Window = i % 2 == 0 ? "day" : "rolling 24h", Limit = 100, Thresholds = [10, 50, 100] }, Alice, Cancel);

        await Task.WhenAll(Enumerable.Range(0, 2).SelectMany(replica => (Task[])[Write(replica), Tick()]).Append(Put()));
        await Keeper(clock).TickAsync(Cancel);

        Assert.Equal(160m, (await Usage())["cpuSeconds"]);
        for (var i = 0; i < 6; i++) Assert.Equal(["10 firing", "50 firing", "100 firing"], (await History("q" + i)).Select(entry => $"{entry.Crossing.Threshold:0} {entry.Crossing.State}"));
        foreach (var view in await new QuotaReport(_store, _options, clock).ListAsync(Service.Access.Caller.Local, null, Cancel)) Assert.Equal(160m, view.Value);

        async Task Write(int replica)
        {
            await Task.Yield();
            var writer = new GroupWriter(_store, _options, clock, [new QuotaEvaluator()]);
            for (var i = 1; i <= 40; i++)
            {
                var batch = Batch((ulong)i, ("/a" + replica, 2_000_000));
                (batch.Host, batch.AgentEpoch) = ("h" + replica, "epoch-" + replica);
                await Again(() => writer.WriteAsync([Item(batch)], Cancel));
            }
        }

        async Task Tick()
        {
            await Task.Yield();
            var keeper = Keeper(clock);
            for (var i = 0; i < 20; i++) await keeper.TickAsync(Cancel);
        }

        // Made while usage is written: it counts what came before and what comes after, each once.
        async Task Put()
        {
            await Task.Yield();
            await change.PutAsync("q5", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "day", Limit = 100, Thresholds = [10, 50, 100] }, Alice, Cancel);
        }
    }

    [Fact]
    public async Task More_than_8_cores_for_10_minutes_fires_after_them_and_a_backlog_is_judged_by_when_it_was_used()
    {
        var clock = new FakeClock(Start);
        await Put(clock, "cores", new Quota { Subject = new QuotaSubject { Host = "h1" }, Kind = "rate", Meter = "cpuSeconds", Limit = 8, For = "10m", Severity = "critical", Labels = new Dictionary<string, string> { ["team"] = "web" } });
        var keeper = Keeper(clock);

        // 9 cores for 9 minutes, one minute of 7, then 9 again: sent after an absence of 15 minutes.
        clock.Advance(TimeSpan.FromMinutes(24));
        var batches = Enumerable.Range(0, 144).Select(i => Timed((ulong)i + 1, Start.AddSeconds(i * 10), i / 6 == 9 ? 70_000_000UL : 90_000_000)).ToArray();
        foreach (var group in batches.Chunk(5)) await Write(clock, group);
        clock.Advance(TimeSpan.FromSeconds(30));
        await keeper.TickAsync(Cancel);
        await keeper.TickAsync(Cancel);

        var history = await History("cores");
        Assert.Equal(["ok>pending", "pending>ok", "ok>pending", "pending>firing"], history.Select(entry => $"{entry.Former}>{entry.Crossing.State}"));
        var fired = history[^1].Crossing;
        Assert.Equal((9m, Start.AddMinutes(20), "critical", "web", 4), (fired.Value, fired.WindowEnd, fired.Severity, fired.Labels["team"], fired.Transition));

        // While no agent sends anything nothing is known, so nothing is resolved; what comes then is idle.
        clock.Advance(TimeSpan.FromMinutes(30));
        await keeper.TickAsync(Cancel);
        Assert.Equal(4, (await History("cores")).Count);
        await Write(clock, Timed(145, clock.GetUtcNow().AddSeconds(-10), 1));
        clock.Advance(TimeSpan.FromMinutes(2));
        await Write(clock, Timed(146, clock.GetUtcNow().AddSeconds(-10), 1));
        await keeper.TickAsync(Cancel);
        Assert.Equal("firing>resolved", (await History("cores")).Select(entry => $"{entry.Former}>{entry.Crossing.State}").Last());
    }

    [Fact]
    public async Task Tenants_with_reserved_cpu_who_wait_for_it_are_starved()
    {
        var clock = new FakeClock(Start);
        await Put(clock, "fair", new Quota { Subject = new QuotaSubject { Fleet = true }, Kind = "starved", Limit = 20, For = "2m" });
        for (var i = 0; i < 18; i++)
        {
            var batch = Timed((ulong)i + 1, Start.AddSeconds(i * 10), 1_000_000);
            var readings = batch.Workloads[0].Meters;
            foreach (var (meter, quantity) in new[] { ("cpuReservedMicroseconds", 20_000_000UL), ("cpuPressureMicroseconds", 2_500_000UL), ("cpuThrottledMicroseconds", 1_000_000UL) })
                readings.Add(new MeterReading { Meter = meter, Quantity = quantity, Availability = Availability.Exact });

            // Who has reserved nothing may wait as long as it takes.
            var other = batch.Workloads[0].Clone();
            (other.Id, other.Name, other.Path) = ("/free", "/free", "/free");
            other.Meters.RemoveAt(1);
            other.Meters[1].Quantity = 10_000_000;
            batch.Workloads.Add(other);
            await Write(clock, batch);
            clock.Advance(TimeSpan.FromSeconds(10));
        }

        clock.Advance(TimeSpan.FromSeconds(30));
        await Keeper(clock).TickAsync(Cancel);
        var history = await History("fair");
        Assert.Equal(["ok>pending", "pending>firing"], history.Select(entry => $"{entry.Former}>{entry.Crossing.State}"));
        Assert.Equal(("starved", "fleet", 25m), (history[1].Crossing.Meter, history[1].Crossing.Subject.Keys.Single(), history[1].Crossing.Value));
    }

    [Fact]
    public async Task Hosts_selectors_peaks_and_the_fleet_count_what_is_theirs_and_a_late_label_is_counted_anew()
    {
        var clock = new FakeClock(Start.AddMinutes(10));
        await Put(clock, "host", new Quota { Subject = new QuotaSubject { Host = "h1" }, Meter = "cpuSeconds", Limit = 1000, Window = "day" });
        await Put(clock, "red", new Quota { Subject = new QuotaSubject { Workload = new OwnershipMatch { Kind = "raw", Path = "/a*", Label = new Dictionary<string, string> { ["team"] = "r?d" } } }, Meter = "cpuSeconds", Limit = 1000, Window = "day" });
        await Put(clock, "peak", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "memoryPeakBytes", Limit = 1 << 20, Window = "day" });
        await Put(clock, "all", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "memoryByteSeconds", Limit = 1e18m, Amounts = [13_000_000_000_000_000_000m], Thresholds = [], Window = "month" });

        var first = Batch(1, ("/a", 10_000_000), ("/b", 20_000_000));
        foreach (var workload in first.Workloads) workload.Meters.Add(new MeterReading { Meter = "memoryPeakBytes", Quantity = 600_000, Availability = Availability.Exact });
        await Write(clock, first);
        var second = Batch(2, ("/a", 1_000_000));
        second.Workloads[0].Labels["team"] = "red";
        second.Workloads[0].Meters.Add(new MeterReading { Meter = "memoryPeakBytes", Quantity = 2 << 20, Availability = Availability.Exact });
        await Write(clock, second);

        // More than 64 bits hold: 200 × 7·10¹⁶ byte-seconds.
        for (var hour = 0; hour < 2; hour++)
        {
            var large = Timed((ulong)hour + 3, Start.AddHours(-hour), 0);
            for (var i = 0; i < 100; i++) large.Workloads.Add(new WorkloadUsage { Kind = "raw", Id = "/m" + i, Name = "m", Path = "/m" + i, Inode = 2, Meters = { new MeterReading { Meter = "memoryByteSeconds", Quantity = 70_000_000_000_000_000, Availability = Availability.Exact } } });
            await Write(clock, large);
        }

        Assert.Equal([("all", 14_000_000_000_000_000_000m), ("host", 31), ("peak", 2 << 20), ("red", 1)], await Values(clock));
        Assert.Equal(1, await Keeper(clock).TickAsync(Cancel) + (await History("peak")).Count);
        Assert.Equal(11m, (await Values(clock))[3].Value);
        Assert.Equal(["all firing", "peak firing"], (await Texts("SELECT quota FROM alert ORDER BY quota")).Select(quota => quota + " firing"));
        Assert.Equal("=13000000000000000000", (await Texts("SELECT threshold FROM quota_state WHERE quota = 'all'")).Single());
    }

    [Fact]
    public async Task A_forecast_tells_when_the_limit_will_be_reached_and_takes_it_back()
    {
        var clock = new FakeClock(Start);
        await Put(clock, "month", new Quota { Subject = new QuotaSubject { Fleet = true }, Kind = "forecast", Meter = "cpuSeconds", Window = "day", Limit = 160, ShortBurn = "1h", LongBurn = "4h", Hysteresis = 5 });
        for (var hour = 0; hour < 4; hour++)
        {
            await Write(clock, Timed((ulong)hour + 1, Start.AddHours(hour), 10_000_000));
            clock.Advance(TimeSpan.FromHours(1));
            await Keeper(clock).TickAsync(Cancel);
        }

        // 40 s by noon at 10 s an hour: 160 s at midnight.
        var fired = Assert.Single(await History("month")).Crossing;
        Assert.Equal(("firing", "forecast", Start.AddHours(16)), (fired.State, fired.Kind, fired.WindowEnd));
        Assert.Equal(Start.AddHours(16), fired.PredictedAt);
        clock.Advance(TimeSpan.FromHours(2));
        await Keeper(clock).TickAsync(Cancel);
        Assert.Equal("resolved", (await History("month"))[^1].Crossing.State);
    }

    [Fact]
    public async Task What_an_earlier_version_had_fired_in_an_open_window_is_not_fired_again()
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var (start, end) = QuotaWindow.Of("month", now, NodaTime.DateTimeZone.Utc);
        await Quota("q", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Limit = 100, Thresholds = [50, 100] });
        await Change($"INSERT INTO quota_window_former (quota, window_start, window_end, fired) VALUES ('q', {start}, {end}, '50')");
        var batch = Timed(1, DateTimeOffset.FromUnixTimeSeconds(now - 60), 60_000_000);
        await Write(batch);
        Assert.Equal(0, await Count("outbox"));

        await Write(Timed(2, DateTimeOffset.FromUnixTimeSeconds(now - 50), 60_000_000));
        Assert.Equal(100, Assert.Single(await History("q")).Crossing.Threshold);
    }

    [Fact]
    public async Task Below_is_judged_when_the_window_has_ended()
    {
        var clock = new FakeClock(Start.AddMinutes(5));
        await Put(clock, "idle", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "hour", Limit = 10, Direction = "below" });
        await Write(clock, Timed(1, Start, 5_000_000));
        foreach (var minutes in new[] { 54, 3 })
        {
            clock.Advance(TimeSpan.FromMinutes(minutes));
            await Keeper(clock).TickAsync(Cancel);
        }

        Assert.Equal(("firing", 5m, Start, Start.AddHours(1)), (await History("idle")) is [var one] ? (one.Crossing.State, one.Crossing.Value, one.Crossing.WindowStart, one.Crossing.WindowEnd) : default);
        await Write(clock, Timed(2, Start.AddHours(1), 10_000_000));
        clock.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < 3; i++) await Keeper(clock).TickAsync(Cancel);
        Assert.Equal(["firing", "resolved"], (await History("idle")).Select(entry => entry.Crossing.State));
    }

    [Fact]
    public async Task A_plan_that_changes_and_rules_that_change_are_judged_without_saying_anything_twice()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Change("INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('t', 't', 'UTC', 'EUR', '')");
        var clock = new FakeClock(Start.AddMinutes(5));
        var change = new QuotaChange(_store, _options, clock);
        await change.PutPlanAsync("gold", new QuotaPlan { Limits = new Dictionary<string, decimal> { ["cpu"] = 100 } }, Alice, Cancel);
        await Put(clock, "q", new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cpuSeconds", Window = "day", Plan = "gold/cpu" });
        await Write(clock, Batch(1, ("/a", 60_000_000), ("/b", 60_000_000)));
        await change.PutPlanAsync("gold", new QuotaPlan { Limits = new Dictionary<string, decimal> { ["cpu"] = 110 } }, Alice, Cancel);
        await change.PutPlanAsync("gold", new QuotaPlan { Limits = new Dictionary<string, decimal> { ["cpu"] = 200 } }, Alice, Cancel);
        await change.PutPlanAsync("gold", new QuotaPlan { Limits = new Dictionary<string, decimal> { ["cpu"] = 90 } }, Alice, Cancel);
        Assert.Equal(["firing", "resolved", "firing"], (await History("q")).Select(entry => entry.Crossing.State));
        var lacks = await Assert.ThrowsAsync<RuleBrokenException>(() => change.DeletePlanAsync("gold", Alice, Cancel));
        Assert.Contains("'cpu'", Assert.Single(lacks.Faults).Message);

        // What fired stays so until the window ends, though half of it belongs to another now; the figure is counted anew.
        await Change("UPDATE ownership_rules SET json = REPLACE(json, '\"*\"', '\"/a\"')");
        await Change("DELETE FROM ownership WHERE workload = (SELECT id FROM workload WHERE path = '/b')");
        await _store.WriteAsync(LedgerSnapshot.RaiseAsync, Cancel);
        Assert.Equal(0, await Keeper(clock).TickAsync(Cancel));
        Assert.Equal(60m, (await Values(clock)).Single().Value);

        clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(1, await Keeper(clock).TickAsync(Cancel));
        Assert.True(await change.DeleteAsync("q", Alice, Cancel));
        await Put(clock, "q", new Quota { Subject = new QuotaSubject { Fleet = true }, Meter = "cpuSeconds", Window = "month", Limit = 1 });
        Assert.Equal([1L, 2, 3, 4, 5], (await History("q")).Select(entry => entry.Number));
    }

    private static UsageBatch Timed(ulong sequence, DateTimeOffset start, ulong microseconds)
    {
        var batch = Batch(sequence, ("/a", microseconds));
        (batch.WindowStart, batch.WindowEnd) = (Timestamp.FromDateTimeOffset(start), Timestamp.FromDateTimeOffset(start.AddSeconds(10)));
        return batch;
    }

    private QuotaKeeper Keeper(TimeProvider clock) => new(_store, _options, clock, null, NullLogger<QuotaKeeper>.Instance);

    private Task Put(TimeProvider clock, string id, Quota quota) => new QuotaChange(_store, _options, clock).PutAsync(id, quota, Alice, Cancel);

    private Task<IngestAnswer[]> Write(TimeProvider clock, params UsageBatch[] batches) => new GroupWriter(_store, _options, clock, [new QuotaEvaluator()]).WriteAsync([.. batches.Select(Item)], Cancel);

    private async Task<List<(string Id, decimal? Value)>> Values(TimeProvider clock) => (await new QuotaReport(_store, _options, clock).ListAsync(Service.Access.Caller.Local, null, Cancel)).ConvertAll(view => (view.Id, view.Value));

    private async Task<List<QuotaHistoryEntry>> History(string quota) =>
        (await Texts($"SELECT json FROM quota_transition WHERE quota = '{quota}' ORDER BY number")).ConvertAll(json => JsonSerializer.Deserialize<QuotaHistoryEntry>(json, LedgerJson.Options)!);

    private async Task<List<string>> Texts(string sql)
    {
        var texts = new List<string>();
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var rows = await command.ExecuteReaderAsync(Cancel);
        while (await rows.ReadAsync(Cancel)) texts.Add(rows.GetString(0));
        return texts;
    }
}
