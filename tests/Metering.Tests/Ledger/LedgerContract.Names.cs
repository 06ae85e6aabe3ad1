using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Tenants;
using Xunit;

namespace Metering.Tests.Ledger;

// Names and labels that come late or change.
public abstract partial class LedgerContract
{
    private const string Container = "4a1e0b6f0d1c2b3a49586776859403122130eeddccbbaa998877665544332211";
    private const string Short = "4a1e0b6f0d1c";

    [Fact]
    public async Task A_name_that_comes_an_hour_later_reaches_usage_that_is_stored()
    {
        await Rules(
            new OwnershipRule { Match = new OwnershipMatch { Label = new Dictionary<string, string> { ["team"] = "red" } }, Tenant = "red" },
            new OwnershipRule { Match = new OwnershipMatch { Name = "shop-*" }, Tenant = "shop" });
        await Write(Named(1, -2, Short, 1_000_000), Named(2, -1, Short, 2_000_000));
        Assert.Equal(["unattributed"], (await Report("total", "tenant")).Rows.Select(row => row.Key["tenant"]));

        await Write(Named(3, 0, "web", 4_000_000, ("team", "red")));
        await Write(Named(4, 0, "web", 8_000_000, ("team", "red")));

        Assert.Equal([("red", 15m)], await By("tenant"));
        Assert.Equal([("red", 15m)], await By("label:team"));
        Assert.Equal(15m, (await Filtered("label:team=red"))["cpuSeconds"]);
        Assert.Equal("web", ((WorkloadKey)(await Report("total", "workload")).Rows.Single().Key["workload"]).Name);
        Assert.Equal(0, await Count("workload_version"));
        await Write(Named(5, 1, "shop-1", 16_000_000, ("team", "red")));
        Assert.Equal(1, await Count("workload_version"));
    }

    [Fact]
    public async Task What_changes_holds_from_its_bucket_on_and_what_was_before_stays()
    {
        await Rules(
            new OwnershipRule { Match = new OwnershipMatch { Label = new Dictionary<string, string> { ["team"] = "red" } }, Tenant = "red" },
            new OwnershipRule { Match = new OwnershipMatch { Label = new Dictionary<string, string> { ["team"] = "blue" } }, Tenant = "blue" });
        await Write(Named(1, -2, "web", 1_000_000, ("team", "red")), Named(2, -1, "web", 2_000_000, ("team", "blue")), Named(3, 0, "web", 4_000_000, ("team", "blue")));

        Assert.Equal([("blue", 6m), ("red", 1m)], await By("tenant"));
        Assert.Equal([("blue", 6m), ("red", 1m)], await By("label:team"));
        Assert.Equal(1m, (await Filtered("label:team=red"))["cpuSeconds"]);

        // Back again, with bytes that the directory has met before; and a label learnt later that none had.
        await Write(Named(4, 1, "web", 8_000_000, ("team", "red")));
        await Write(Named(5, 1, "web", 16_000_000, ("team", "red"), ("env", "prod")));
        Assert.Equal([("blue", 6m), ("red", 25m)], await By("tenant"));
        Assert.Equal([("prod", 31m)], await By("label:env"));

        // The same after the rules are given again, from the stored versions.
        await _store.WriteAsync(transaction => Ownerships.RebuildAsync(transaction, new OwnershipRules([
            new OwnershipRule { Match = new OwnershipMatch { Label = new Dictionary<string, string> { ["team"] = "red", ["env"] = "prod" } }, Tenant = "crimson" },
        ])), Cancel);
        Assert.Equal([("crimson", 25m), ("unattributed", 6m)], await By("tenant"));
    }

    [Fact]
    public async Task Who_knows_less_takes_no_name_away_and_order_does_not_matter()
    {
        await Write(Named(3, 0, "web", 4_000_000, ("team", "red")));
        await Write(Named(1, -2, Short, 1_000_000), Named(4, 1, Short, 8_000_000));
        await Writer().WriteAsync([Item(Named(2, -1, Short, 2_000_000))], Cancel);

        Assert.Equal([("red", 15m)], await By("label:team"));
        Assert.Equal("web", ((WorkloadKey)(await Report("total", "workload")).Rows.Single().Key["workload"]).Name);
    }

    [Fact]
    public async Task A_late_name_moves_what_quotas_have_counted()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Name = "web" }, Tenant = "t" });
        await Quota("q", new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cpuSeconds", Limit = 100, Thresholds = [50] });
        await Write(Named(1, -1, Short, 30_000_000), Named(2, 0, Short, 30_000_000));
        Assert.Equal(0, await Count("outbox"));

        await Write(Named(3, 0, "web", 1_000_000));

        Assert.Equal(1, await Count("outbox"));
        Assert.Equal(61_000_000, (await Used("q", Start)).Max());
    }

    [Fact]
    public async Task A_late_name_moves_the_cost_of_coarse_and_of_fine_buckets_to_the_tenant()
    {
        await Rules(new OwnershipRule { Match = new OwnershipMatch { Name = "web" }, Tenant = "t" });
        await Store(Cpu(null) with { Model = "graduated", Tiers = [new Tier(1, 10), new Tier(null, 1)] });
        await Quota("q", new Quota { Subject = new QuotaSubject { Tenant = "t" }, Meter = "cost", Limit = 11, Thresholds = [99, 101] });
        await Write(Named(1, -1, Short, 3_600_000_000));
        var grain = await _store.WriteAsync(transaction => LedgerGrain.RefineAsync(transaction, _options, [], LedgerGrain.Fine, Start.AddMinutes(-30)), Cancel);
        Assert.Equal(Start.ToUnixTimeSeconds(), grain.FineFrom);
        await Write(At(Named(2, 0, Short, 3_600_000_000), Start.AddMinutes(20)));
        Assert.Empty(await Used("q", Start));

        await Write(At(Named(3, 0, "web", 1), Start.AddMinutes(40)));

        Assert.Equal([-3600L, 900, 1800], (await Numbers("SELECT bucket FROM usage ORDER BY bucket")).Select(bucket => bucket - Start.ToUnixTimeSeconds()));
        Assert.Equal(1, await Count("alert"));
        Assert.Equal(7_200_000_001, (await Used("q", Start)).Max());
        Assert.Equal("EUR", (await new QuotaReport(_store, _options, TimeProvider.System).ListAsync(Service.Access.Caller.Local, "q", Cancel)).Single().Currency);
        Assert.Equal(11m, Math.Round((await Costs("total", "")).Rows.Single().Cost!.Value.ToDecimal(), 6));

        static UsageBatch At(UsageBatch batch, DateTimeOffset start)
        {
            (batch.WindowStart, batch.WindowEnd) = (Timestamp.FromDateTimeOffset(start), Timestamp.FromDateTimeOffset(start.AddSeconds(10)));
            return batch;
        }
    }

    [Fact]
    public async Task Who_renames_every_hour_has_no_more_versions_than_the_bound()
    {
        for (var i = 0; i < 100; i++) await Write(Named((ulong)i + 1, i, "name-" + i, 1_000_000, ("build", "b" + i)));

        Assert.Equal(AttributeHistory.MaxVersions - 1, await Count("workload_version"));
        Assert.Equal(1, await Count("workload"));
        var rows = (await By("label:build", Start.AddHours(100))).ToDictionary();
        Assert.Equal((1m, 1m, 69m), (rows["b0"], rows["b30"], rows["b99"]));
    }

    [Fact]
    public async Task A_record_that_only_names_adds_no_usage()
    {
        await Write(Named(1, 0, Short, 1_000_000));
        var naming = Named(2, 0, "web", 0);
        naming.Workloads[0].Meters.Clear();
        naming.Workloads[0].Final = true;

        await Write(naming);

        Assert.Equal("web", ((WorkloadKey)(await Report("total", "workload")).Rows.Single().Key["workload"]).Name);
        Assert.Equal(1, await Count("usage"));
    }

    [Fact]
    public async Task A_name_that_goes_and_comes_back_within_an_hour_ends_as_it_was_said_last()
    {
        string[] said = ["web", "shop", "web", "shop", "web"];
        for (var i = 0; i < said.Length; i++) await Write(Instance(Named((ulong)i + 1, 0, said[i], 1_000_000, ("team", said[i])), 10 * i));
        Assert.Equal([("web", 5m)], await By("label:team"));

        // The same in one group, and again from the start of another process.
        await Write([.. said.Select((name, i) => Instance(Named((ulong)i + 6, 1, name, 1_000_000, ("team", name)), 10 * i))]);
        _writer = Writer();
        await Write([.. said[1..].Select((name, i) => Instance(Named((ulong)i + 11, 1, name, 1_000_000, ("team", name)), 100 + 10 * i))]);

        Assert.Equal([("web", 14m)], await By("label:team"));
        Assert.Equal(0, await Count("workload_version"));
    }

    [Fact]
    public async Task A_name_that_comes_back_in_a_later_hour_of_one_group_begins_a_version()
    {
        await Write(Instance(Named(1, -2, "web", 1_000_000, ("team", "red")), 0), Instance(Named(2, -1, "web", 2_000_000, ("team", "blue")), 0), Instance(Named(3, 0, "web", 4_000_000, ("team", "red")), 0));

        Assert.Equal([("blue", 2m), ("red", 5m)], await By("label:team"));
    }

    [Fact]
    public async Task A_note_of_availability_is_state_and_makes_no_version()
    {
        string?[] said = ["host network", "nfs4 at /data", "host network", null, "host network"];
        for (var i = 0; i < said.Length; i++)
        {
            await Write(Noted((ulong)i + 1, 0, 10 * i, said[i]));
            Assert.Equal(said[i], await NetworkNote());
        }

        // In one group; after it from a new process, in a later hour too.
        await Write([.. said[..4].Select((note, i) => Noted((ulong)i + 6, 0, 100 + 10 * i, note))]);
        Assert.Null(await NetworkNote());
        _writer = Writer();
        await Write(Noted(10, 1, 0, "host network"));
        Assert.Equal("host network", await NetworkNote());
        await Write(Noted(11, 2, 0, "nfs4 at /data"), Noted(12, 3, 0, "host network"));
        Assert.Equal("host network", await NetworkNote());
        _writer = Writer();
        await Write(Noted(13, 3, 100, null));
        Assert.Null(await NetworkNote());

        Assert.Equal(0, await Count("workload_version"));
        Assert.Equal(1, await Count("workload"));
        Assert.Equal([("red", 13m)], await By("label:team", Start.AddHours(100)));
        Assert.DoesNotContain(await By("label:metering.network"), row => row.Key?.Length > 0);
    }

    [Fact]
    public async Task A_note_that_was_rolled_back_is_written_when_the_batch_comes_again()
    {
        await Write(Noted(1, 0, 0, "host network"));
        _writer.FaultPoint = point =>
        {
            if (point == "before commit") throw new InvalidOperationException("the power fails");
        };
        await Assert.ThrowsAnyAsync<Exception>(() => Write(Noted(2, 0, 10, "nfs4 at /data")));
        Assert.Equal("host network", await NetworkNote());

        _writer.FaultPoint = null;
        await Write(Noted(2, 0, 10, "nfs4 at /data"));

        Assert.Equal("nfs4 at /data", await NetworkNote());
    }

    [Fact]
    public async Task A_host_that_names_without_end_has_no_more_rows_than_the_bound_and_every_microsecond()
    {
        _options = _options with { MaxNewWorkloads = 50 };
        _writer = Writer();
        var before = await Count("workload");
        for (var i = 0; i < 10; i++) await Write(Batch((ulong)i + 1, [.. Enumerable.Range(0, 30).Select(name => ("/storm" + (i * 30 + name), 1_000_000UL))]));

        // Those that are known go on; the rest is one workload of the host, and the alarm counts it.
        Assert.Equal(51, await Count("workload") - before);
        Assert.Equal(300m, (await Usage())["cpuSeconds"]);
        Assert.Equal(250m, (await Filtered("kind:over-bound"))["cpuSeconds"]);
        var item = Item(Batch(11, [("/storm299", 1_000_000), ("/storm3", 1_000_000)]));
        await _writer.WriteAsync([item], Cancel);
        Assert.Equal(1, item.Batch.OverBound);
        Assert.Equal(251m, (await Filtered("kind:over-bound"))["cpuSeconds"]);

        // A new bucket has a new share.
        var later = Batch(12, ("/storm299", 1_000_000));
        later.WindowStart = Timestamp.FromDateTimeOffset(Start.AddHours(1));
        later.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddHours(1).AddSeconds(10));
        await Write(later);
        Assert.Equal(52, await Count("workload") - before);
        Assert.Empty(await Discrepancies());
        await _store.WriteAsync(transaction => transaction.ExecuteAsync("UPDATE usage SET cpu_us = cpu_us + 1 WHERE workload = (SELECT id FROM workload WHERE kind = 'over-bound')"), Cancel);
        Assert.Single(await Discrepancies());
    }

    private async Task<List<string>> Discrepancies()
    {
        var found = new List<string>();
        await foreach (var one in new Metering.Service.Verification.Verifier(_store, _options).RunAsync(Cancel))
        {
            if (one.Discrepancy is { } discrepancy) found.Add(discrepancy.ToString());
        }

        return found;
    }

    private async Task<string?> NetworkNote()
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT availability FROM workload";
        var json = (string)(await command.ExecuteScalarAsync(Cancel))!;
        return json.Length == 0 ? null : System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, string>>(json)!.GetValueOrDefault("network");
    }

    private static UsageBatch Noted(ulong sequence, int hour, int second, string? note)
    {
        var batch = Named(sequence, hour, "web", 1_000_000, ("team", "red"));
        if (note is not null) batch.Workloads[0].Labels["metering.network"] = note;
        return Instance(batch, second);
    }

    private static UsageBatch Instance(UsageBatch batch, int second)
    {
        batch.WindowStart = Timestamp.FromDateTimeOffset(batch.WindowStart.ToDateTimeOffset().AddSeconds(second));
        batch.WindowEnd = Timestamp.FromDateTimeOffset(batch.WindowEnd.ToDateTimeOffset().AddSeconds(second));
        batch.Workloads[0].Inode = 7;
        return batch;
    }

    private static UsageBatch Named(ulong sequence, int hour, string name, ulong microseconds, params (string Key, string Value)[] labels)
    {
        var batch = Batch(sequence, (Container, microseconds));
        batch.WindowStart = Timestamp.FromDateTimeOffset(Start.AddHours(hour));
        batch.WindowEnd = Timestamp.FromDateTimeOffset(Start.AddHours(hour).AddSeconds(10));
        (batch.Workloads[0].Name, batch.Workloads[0].Path) = (name, "/docker/" + Container);
        foreach (var (key, value) in labels) batch.Workloads[0].Labels[key] = value;
        return batch;
    }

    private async Task<List<(string Key, decimal Cpu)>> By(string dimension, DateTimeOffset? to = null)
    {
        var query = Query("total", dimension, null);
        if (to is { } end) query = query with { ToSeconds = end.ToUnixTimeSeconds(), Steps = [(query.FromSeconds, end.ToUnixTimeSeconds())] };
        var page = await new UsageReport(_store, _options).RunAsync(query, Cancel);
        return page.Rows.Select(row => ((string)row.Key[dimension], row.Quantities["cpuSeconds"])).OrderBy(row => row.Item1, StringComparer.Ordinal).ToList();
    }

    private async Task<IReadOnlyDictionary<string, decimal>> Filtered(string filter)
    {
        Assert.True(UsageQuery.TryFilter(filter, _store.IsPostgres, out var dimension, out var value));
        return (await new UsageReport(_store, _options).RunAsync(Query("total", "", null) with { Filters = [(dimension, value)] }, Cancel)).Rows.Single().Quantities;
    }
}
