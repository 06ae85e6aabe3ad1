using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Service.Verification;
using Metering.Tests.Support;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>Closing of periods, whatever database the ledger is kept in.</summary>
public abstract partial class BillingContract : IAsyncLifetime
{
    private protected static readonly BillingPeriod October = new(2026, 10);
    private static readonly BillingPeriod November = new(2026, 11);
    private protected static readonly ClaimsPrincipal Alice = new(new ClaimsIdentity([new Claim(ClaimTypes.Name, "alice")], "test"));
    private protected readonly FakeClock _clock = new(new DateTimeOffset(2026, 11, 3, 0, 0, 0, TimeSpan.Zero));
    private readonly BatchSeries _host = new("h1", new DateTimeOffset(2026, 10, 1, 0, 0, 0, TimeSpan.Zero), seconds: 86_400);
    private protected LedgerOptions _options = null!;
    private protected LedgerStore _store = null!;
    private GroupWriter _writer = null!;

    protected abstract Task<string> ConnectionStringAsync();

    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = await ConnectionStringAsync() };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        _writer = new GroupWriter(_store, _options, TimeProvider.System, [new LateUsage()]);
        await ConfigureAsync("t");
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        await EndAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_is_shown_before_is_what_is_issued_and_all_of_it_adds_up()
    {
        await DaysAsync(33);
        var draft = await new PeriodDrafter(_store, _options).DraftAsync(October, Cancel);

        var (progress, seen) = (new ClosingProgress(), new Dictionary<string, ClosingProgress.Step?>());
        var closer = Closer(progress);
        closer.FaultPoint = at => seen[at] = progress.Of(October);
        var closed = await closer.CloseAsync(October, [], Alice, Cancel);

        // How far it is can be seen while it closes, and not afterwards.
        Assert.Equal("checking", seen["begun"]!.Stage);
        Assert.Equal("rating", seen["drafted"]!.Stage);
        Assert.InRange(seen["drafted"]!.Done, 30 * 86_400, seen["drafted"]!.Total - 1);
        Assert.Null(progress.Of(October));

        var invoice = Assert.Single(await DocumentsAsync());
        Assert.Equal(("000001", "invoice", "2026-10", "t", "2026-11-01"), (invoice.Id, invoice.Kind, invoice.Period, invoice.Tenant.Id, invoice.IssuedOn));

        // A day's window is spread over its hours, which is an estimate.
        Assert.Equal(1m, invoice.EstimatedShare);

        // 31 days of 2 h: 10 Core-Hours at 3, 52 at 2, and 5 a month; less 10 %.
        Assert.Equal((30 + 104 + 5) * 0.9m, invoice.Total);
        Assert.Equal(invoice.Total, invoice.Lines.Sum(line => line.Amount));
        Assert.Equal(invoice.Json(), draft.Documents.Single().Json());
        Assert.Equal(closed.Manifest, draft.Manifest([]).Json());
        Assert.Equal(closed.Hash, PeriodManifest.Hash(closed.Manifest));
        await VerifiedAsync();
    }

    [Fact]
    public async Task A_month_that_is_not_over_or_not_covered_is_refused_and_a_host_can_be_waived_by_name()
    {
        await DaysAsync(20);

        var refused = await Assert.ThrowsAsync<RuleBrokenException>(() => Closer().CloseAsync(October, [], Alice, Cancel));
        Assert.Contains("'h1' is metered up to 2026-10-21", Assert.Single(refused.Faults).Message);
        Assert.Contains("no such host", (await Assert.ThrowsAsync<RuleBrokenException>(() => Closer().CloseAsync(October, ["h1", "h9"], Alice, Cancel))).Faults.Single().Message);
        Assert.Contains("is not over", (await Assert.ThrowsAsync<RuleBrokenException>(() => Closer().CloseAsync(November, ["h1"], Alice, Cancel))).Message);
        Assert.Equal(0, await CountAsync("invoice"));

        var closed = await Closer().CloseAsync(October, ["h1"], Alice, Cancel);
        Assert.Equal(["h1"], PeriodManifest.Read(closed.Manifest).Waivers);
        Assert.Equal("period.closed-with-waivers 2026-10 alice", await TextAsync("SELECT action || ' ' || subject || ' ' || actor FROM audit ORDER BY id DESC LIMIT 1"));

        // The month before must be closed first, and a host that is silent since it was waived needs no waiver.
        _clock.Advance(TimeSpan.FromDays(70));
        Assert.Contains("2026-11 is not closed", (await Assert.ThrowsAsync<RuleBrokenException>(() => Closer().CloseAsync(new BillingPeriod(2026, 12), ["h1"], Alice, Cancel))).Message);
        await Closer().CloseAsync(November, [], Alice, Cancel);
        await VerifiedAsync();
    }

    [Fact]
    public async Task A_month_that_has_batches_in_quarantine_is_closed_only_with_a_waiver()
    {
        await DaysAsync(20);
        var newer = _host.Next(("/a", 3_600_000_000, false));
        newer.Schema = 9;
        await WriteAsync(newer);
        await DaysAsync(14);

        var refused = await Assert.ThrowsAsync<RuleBrokenException>(() => Closer().CloseAsync(October, [], Alice, Cancel));
        Assert.Contains("'h1' has 1 batches in quarantine", Assert.Single(refused.Faults).Message);

        var closed = await Closer().CloseAsync(October, ["h1"], Alice, Cancel);
        Assert.Equal(["h1"], PeriodManifest.Read(closed.Manifest).Waivers);
    }

    [Fact]
    public async Task A_ledger_that_is_not_what_the_batches_add_up_to_is_not_billed()
    {
        await DaysAsync(33);
        await SqlAsync("UPDATE usage SET cpu_us = cpu_us + 1 WHERE bucket = (SELECT MIN(bucket) FROM usage)");

        Assert.Contains("the batches bill", (await Assert.ThrowsAsync<RuleBrokenException>(() => Closer().CloseAsync(October, [], Alice, Cancel))).Message);
        Assert.Equal(0, await CountAsync("invoice"));
    }

    [Fact]
    public async Task Closing_twice_and_from_many_places_at_once_issues_once()
    {
        await DaysAsync(33);

        var closed = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => Closer().CloseAsync(October, [], Alice, Cancel), Cancel)));

        Assert.Single(closed.Distinct());
        Assert.Equal(closed[0], await Closer().CloseAsync(October, ["no such host"], Alice, Cancel));
        Assert.Equal((1L, 1L), (await CountAsync("invoice"), await CountAsync("period")));
        await VerifiedAsync();
    }

    [Fact]
    public async Task Who_has_invoices_keeps_the_zone_they_were_issued_in()
    {
        var tenant = new Tenant { Id = "t" };
        await _store.WriteAsync(transaction => TenantEndpoints.RefuseIfBilledAsync(transaction, tenant), Cancel);
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);

        var refused = await Assert.ThrowsAsync<RuleBrokenException>(() => _store.WriteAsync(transaction => TenantEndpoints.RefuseIfBilledAsync(transaction, tenant), Cancel));
        Assert.Contains("its timeZone and currency stay", refused.Message);
    }

    [Theory]
    [InlineData("begun")]
    [InlineData("drafted")]
    [InlineData("charges stored")]
    [InlineData("invoice stored")]
    [InlineData("before commit")]
    [InlineData("after commit")]
    public async Task Killed_at_any_moment_nothing_is_half_issued_and_the_bytes_are_the_same(string moment)
    {
        await DaysAsync(33);
        var expected = (await new PeriodDrafter(_store, _options).DraftAsync(October, Cancel)).Documents.Single().Json();
        var killed = Closer();
        killed.FaultPoint = at => { if (at == moment) throw new InvalidOperationException("killed"); };

        await Assert.ThrowsAsync<InvalidOperationException>(() => killed.CloseAsync(October, [], Alice, Cancel));
        var issued = moment == "after commit" ? 1 : 0;
        Assert.Equal((issued, issued, issued > 0), (await CountAsync("invoice"), await CountAsync("period"), await IssuedAsync() > 0));

        await Closer().CloseAsync(October, [], Alice, Cancel);
        Assert.Equal(expected, await TextAsync("SELECT json FROM invoice"));
        await VerifiedAsync();
    }

    [Fact]
    public async Task Late_usage_becomes_a_debit_note_and_the_invoice_stays()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var invoice = await TextAsync("SELECT json FROM invoice");
        var late = new BatchSeries("h2", new DateTimeOffset(2026, 10, 10, 0, 0, 0, TimeSpan.Zero), seconds: 3600);
        await WriteAsync(late.Next(("/late", 3_600_000_000, true)));
        Assert.Contains("late usage", Assert.Single(await VerifiedAsync()));

        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));
        var closed = await Closer().CloseAsync(November, ["h2"], Alice, Cancel);

        Assert.Equal(invoice, await TextAsync("SELECT json FROM invoice WHERE number = 1"));
        var documents = await DocumentsAsync();
        Assert.Equal(["invoice 2026-10", "invoice 2026-11", "debitNote 2026-10"], documents.Select(one => $"{one.Kind} {one.Origin}"));
        var note = documents[2];
        Assert.Equal(("2026-11", "000001", 1.8m), (note.Period, note.Corrects, note.Total));
        Assert.Equal(note.Total, note.Lines.Sum(line => line.Amount));
        Assert.Equal(["2026-10"], PeriodManifest.Read(closed.Manifest).Corrected.Keys);
        Assert.Equal(0, await CountAsync("late"));
        Assert.True(await CountAsync("charge WHERE origin = '2026-10' AND period = '2026-11'") > 0);
        Assert.Empty(await VerifiedAsync());

        // Nothing more to correct.
        await DaysAsync(32);
        _clock.Advance(TimeSpan.FromDays(31));
        await Closer().CloseAsync(new BillingPeriod(2026, 12), [], Alice, Cancel);
        Assert.Equal(4, (await DocumentsAsync()).Count);
    }

    [Fact]
    public async Task Usage_that_comes_while_the_month_is_closed_is_billed_by_the_next_one()
    {
        await DaysAsync(33);
        var late = new BatchSeries("h2", new DateTimeOffset(2026, 10, 10, 0, 0, 0, TimeSpan.Zero), seconds: 3600);
        var closer = Closer();
        closer.FaultPoint = at => { if (at == "drafted") WriteAsync(late.Next(("/late", 3_600_000_000, true))).GetAwaiter().GetResult(); };
        await closer.CloseAsync(October, [], Alice, Cancel);
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));

        await Closer().CloseAsync(November, ["h2"], Alice, Cancel);

        Assert.Equal(1.8m, (await DocumentsAsync()).Single(one => one.Kind == "debitNote").Total);
        Assert.Empty(await VerifiedAsync());
    }

    [Fact]
    public async Task What_becomes_another_tenants_is_credited_to_the_one_and_debited_to_the_other()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var invoice = Assert.Single(await DocumentsAsync());
        await _store.WriteAsync(async transaction =>
        {
            transaction.Context.Add(new Tenant { Id = "u", Name = "U", PriceBook = "b" });
            await transaction.Context.SaveChangesAsync(Cancel);
        }, Cancel);
        await RulesAsync("u");
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));

        await Closer().CloseAsync(November, [], Alice, Cancel);

        var documents = await DocumentsAsync();
        Assert.Equal([("creditNote", "t"), ("debitNote", "u")], documents.Where(one => one.Origin == "2026-10" && one.Period == "2026-11").Select(one => (one.Kind, one.Tenant.Id)));

        // The price per month stays with the first tenant.
        Assert.Equal(4.5m, invoice.Total + documents.Single(one => one.Kind == "creditNote").Total);
        Assert.Empty(await VerifiedAsync());
    }

    [Theory]
    [InlineData("UPDATE charge SET nano = '1' WHERE n = 1", "charge")]
    [InlineData("DELETE FROM charge WHERE n = 2", "charge")]
    [InlineData("UPDATE invoice SET json = replace(json, '\"amount\":5', '\"amount\":6')", "invoice")]
    [InlineData("DELETE FROM invoice", "charge")]
    [InlineData("UPDATE period SET manifest = replace(manifest, 'usageRows', 'usagerows')", "period")]
    [InlineData("UPDATE period SET previous = 'x'", "period")]
    public async Task What_was_issued_can_not_be_changed_and_who_does_it_all_the_same_is_found_out(string sql, string table)
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        sql = _store.IsPostgres ? sql.Replace("'1'", "1", StringComparison.Ordinal) : sql;

        Assert.Contains("issued", (await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => SqlAsync(sql))).Message);
        foreach (var name in (string[])["charge", "invoice", "period"])
        {
            if (_store.IsPostgres) await SqlAsync($"ALTER TABLE {name} DISABLE TRIGGER ALL");
            else foreach (var change in (string[])["update", "delete"]) await SqlAsync($"DROP TRIGGER {name}_no_{change}");
        }

        await SqlAsync(sql);
        Assert.Equal(table, (await VerifyAsync()).Summary.First?.Table);
    }

    [Fact]
    public async Task A_charge_is_walked_back_to_the_readings()
    {
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var id = await TextAsync("SELECT period || '-' || n FROM charge WHERE day = '2026-10-02' AND tier = 0 AND workload > 0 ORDER BY n LIMIT 1");

        var explained = (await new ChargeExplanation(_store, _options).ExplainAsync(id, new Caller(Roles.Reader, "t", null), 10, Cancel))!;

        Assert.Equal(("/a", "h1", "b", 1), (explained.Workload!.Path, explained.Workload.Host, explained.Price.Book, explained.Price.Version));
        Assert.Equal(24, explained.Buckets.Count);
        Assert.Equal(3_600_000_000, explained.Buckets.Sum(bucket => bucket.Quantity));
        var reading = Assert.Single(Assert.Single(explained.Batches).Readings);
        Assert.Equal((3_600_000_000UL, 7_200_000_000UL, 3_600_000_000UL), (reading.Start, reading.End, reading.Quantity));
        Assert.Equal("1 Core-Hours × 3 EUR = 3 EUR", explained.Arithmetic);

        // In the words of the price version, not of the code.
        Assert.Equal(("graduated", "usage", "measured"), (explained.Price.Model, explained.Basis, reading.Origin));
        Assert.Null(await new ChargeExplanation(_store, _options).ExplainAsync(id, new Caller(Roles.Reader, "other", null), 10, Cancel));
        Assert.Null(await new ChargeExplanation(_store, _options).ExplainAsync("2026-10-99999", Caller.Local, 10, Cancel));
    }

    private protected PeriodCloser Closer(ClosingProgress? progress = null) => new(_store, _options, new PeriodDrafter(_store, _options), _clock, progress) { PieceRows = 10 };

    // Charges that anybody can see.
    private protected Task<long> IssuedAsync() => CountAsync("charge WHERE " + ChargeStore.Issued);

    // Two workloads, each with an hour of CPU a day.
    private protected Task DaysAsync(int days) => WriteAsync([.. Enumerable.Range(0, days).Select(_ => _host.Next(("/a", 3_600_000_000, false), ("/b", 3_600_000_000, false)))]);

    private protected Task WriteAsync(params Messages.UsageBatch[] batches) => _writer.WriteAsync([.. batches.Select(BatchSeries.Item)], Cancel);

    private async Task ConfigureAsync(string tenant)
    {
        await RulesAsync(tenant);
        await _store.WriteAsync(async transaction =>
        {
            transaction.Context.Add(new Tenant { Id = "t", Name = "Team", PriceBook = "b" });
            var version = new PriceVersion
            {
                Currency = "EUR",
                Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Model = "graduated", Tiers = [new Tier(10, 3), new Tier(null, 2)] }, new Price { Model = "flat", Unit = "Months", Amount = 5 }],
            };
            transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(version, LedgerJson.Options) });
            transaction.Context.Add(new StoredContract { Tenant = "t", Json = JsonSerializer.Serialize(new Contract { Terms = [new ContractTerms { Discount = 10 }] }, LedgerJson.Options) });
            await transaction.Context.SaveChangesAsync(Cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
        }, Cancel);
    }

    private Task RulesAsync(string tenant) => _store.WriteAsync(async transaction =>
    {
        OwnershipRule[] rules = [new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = tenant }];
        await transaction.ExecuteAsync("DELETE FROM ownership_rules");
        transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
        await Ownerships.RebuildAsync(transaction, new OwnershipRules(rules));
    }, Cancel);

    private async Task<List<InvoiceDocument>> DocumentsAsync()
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        return await InvoiceStore.ReadAsync(connection, null, null, 0, 100, Cancel);
    }

    private Task SqlAsync(string sql) => _store.WriteAsync(transaction => transaction.ExecuteAsync(sql), Cancel);

    private protected async Task<long> CountAsync(string table) => long.Parse(await TextAsync("SELECT COUNT(*) FROM " + table), System.Globalization.CultureInfo.InvariantCulture);

    private async Task<string> TextAsync(string sql)
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToString(await command.ExecuteScalarAsync(Cancel), System.Globalization.CultureInfo.InvariantCulture)!;
    }

    private protected async Task<List<string>> VerifiedAsync()
    {
        var (summary, notes) = await VerifyAsync();
        Assert.True(summary.Ok, summary.First?.ToString());
        return notes;
    }

    private async Task<(VerifySummary Summary, List<string> Notes)> VerifyAsync()
    {
        var notes = new List<string>();
        VerifySummary? summary = null;
        await foreach (var one in new Verifier(_store, _options).RunAsync(Cancel))
        {
            if (one.Note is { } note) notes.Add(note);
            summary = one.Done ?? summary;
        }

        return (summary!, notes);
    }
}
