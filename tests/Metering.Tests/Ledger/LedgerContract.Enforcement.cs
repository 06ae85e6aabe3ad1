using System.Security.Cryptography;
using Metering.Agent.Enforcement;
using Metering.Agent.Workloads;
using Metering.Enforcement;
using Metering.Service.Enforcement;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>From the pass that goes over a quota to the cgroup file, and back: the service and the agent's own code, with signed answers between them.</summary>
public abstract partial class LedgerContract
{
    private const string Runaway = "/system.slice/docker-fee1dead00000000000000000000000000000000000000000000000000000000.scope";

    [Fact]
    public async Task A_tenant_that_runs_away_is_capped_within_two_passes_of_its_breach_and_freed_at_reset()
    {
        var clock = new FakeClock(Start.AddMinutes(5));
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "t" });
        await Change("INSERT INTO tenant (id, name, time_zone, currency, price_book) VALUES ('t', 't', 'UTC', 'EUR', '')");
        await Put(clock, "cap", new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cpuSeconds", Window = "hour", Limit = 100, Enforce = new QuotaEnforcement { Action = "cpu.max", Value = 200 } });
        var board = new CommandBoard(clock);
        using var keeper = new EnforcementKeeper(_store, _options, board, clock, NullLogger<EnforcementKeeper>.Instance);
        var writer = new GroupWriter(_store, _options, clock, [new QuotaEvaluator()]) { Commands = keeper };
        using var key = EnforcementLedger.Open(await EnforcementLedger.PrivateKeyAsync(_store, Cancel));
        var tree = Directory.CreateDirectory(Path.Combine(Scratch.Root, "metering-runaway-" + Path.GetRandomFileName())).FullName;
        Directory.CreateDirectory(tree + Runaway);
        await File.WriteAllTextAsync(tree + Runaway + "/cpu.max", "max 100000\n", Cancel);
        var pass = 0UL;
        var recogniser = new WorkloadRecogniser();
        var permitted = new EnforcementOptions { Actions = new HashSet<EnforcementAction> { EnforcementAction.CpuMax }, PublicKeys = [key.ExportSubjectPublicKeyInfo()] };
        using var agent = new Enforcer(permitted, "h1", new HeldLimits(tree), new ControlFiles(tree), path => recogniser.Recognise(path), () => "/own", clock, NullLogger.Instance, () => (long)pass);
        agent.Start();

        // 40 s in each pass: the third goes over 100.
        var (breach, capped) = (0UL, 0UL);
        while (capped == 0)
        {
            await PassAsync();
            if (breach == 0 && (await History("cap")).Count > 0) breach = pass;
            if (CpuMax() == "20000 100000") capped = pass;
            Assert.True(pass < 10, "it was not capped");
        }

        Assert.Equal((3UL, 3L), (breach, Assert.Single(await EnforcementLedger.ReadAsync((await _store.OpenReadAsync(Cancel)), null, clock.GetUtcNow(), 10, Cancel)).CrossedBy));

        // The answer to the pass that went over has the command: nobody looks in between.
        Assert.Equal(breach, capped);
        Assert.Equal((3L, (long)capped), Assert.Single(agent.Held) is var held ? (held.CrossedBy, held.SetAfter) : default);

        // It is still at it when the window ends: the answer to the next pass frees it.
        clock.Advance(TimeSpan.FromMinutes(56));
        await keeper.TickAsync(Cancel);
        await PassAsync();
        Assert.Equal("max 100000", CpuMax());
        Assert.Empty(agent.Held);
        Directory.Delete(tree, recursive: true);

        string CpuMax() => File.ReadAllText(tree + Runaway + "/cpu.max").Trim();

        async Task PassAsync()
        {
            pass++;
            var answer = Assert.Single(await writer.WriteAsync([Item(Batch(pass, (Runaway, 40_000_000)))], Cancel));
            foreach (var command in answer.Downlink!.Commands) Assert.Null(agent.Take(command));
            agent.Tick();
        }
    }

    [Fact]
    public async Task A_scaled_limit_goes_down_as_the_overrun_grows_and_a_fixed_one_stays()
    {
        var clock = new FakeClock(Start.AddMinutes(5));
        foreach (var scaled in (bool[])[true, false])
            await Put(clock, scaled ? "scaled" : "fixed", new Quota { Subject = new QuotaSubject { Host = "h1" }, Meter = "cpuSeconds", Window = "day", Limit = 100, Enforce = new QuotaEnforcement { Action = "cpu.max", Value = 500, Scaled = scaled } });
        using var keeper = new EnforcementKeeper(_store, _options, new CommandBoard(clock), clock, NullLogger<EnforcementKeeper>.Instance);

        // At the limit, a little more, one and a half times and twice.
        foreach (var (seconds, limit) in new[] { (100UL, 500L), (2UL, 500L), (48UL, 333L), (50UL, 250L) })
        {
            await Write(clock, Batch((ulong)limit + seconds, ("/a", seconds * 1_000_000)));
            await keeper.TickAsync(Cancel);
            Assert.Equal([500L, limit], await Numbers("SELECT value FROM enforcement ORDER BY quota"));
        }
    }
}
