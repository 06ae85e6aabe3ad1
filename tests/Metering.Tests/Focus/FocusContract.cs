using System.Globalization;
using System.IO.Pipelines;
using System.Security.Claims;
using System.Text;
using System.Text.Json;
using Metering.Service.Billing;
using Metering.Service.Focus;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Tests.Support;
using Metering.Tests.Verification;
using Xunit;

namespace Metering.Tests.Focus;

/// <summary>Exports of real periods, whatever database the ledger is kept in: they add up to the invoices and break no rule.</summary>
public abstract partial class FocusContract : IAsyncLifetime
{
    private static readonly BillingPeriod October = new(2026, 10);
    private static readonly BillingPeriod November = new(2026, 11);
    private static readonly ClaimsPrincipal Alice = new(new ClaimsIdentity([new Claim(ClaimTypes.Name, "alice")], "test"));
    private readonly FakeClock _clock = new(new DateTimeOffset(2026, 11, 3, 0, 0, 0, TimeSpan.Zero));
    private readonly BatchSeries _host = new("h1", new DateTimeOffset(2026, 9, 30, 22, 0, 0, TimeSpan.Zero), seconds: 21_600);
    private LedgerOptions _options = null!;
    private LedgerStore _store = null!;
    private GroupWriter _writer = null!;

    protected abstract Task<string> ConnectionStringAsync();

    protected virtual ValueTask EndAsync() => ValueTask.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _options = new LedgerOptions { ConnectionString = await ConnectionStringAsync() };
        _store = LedgerStore.Create(_options);
        await _store.OpenAsync(Cancel);
        _writer = new GroupWriter(_store, _options, TimeProvider.System, [new LateUsage()]);
        await ConfigureAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        await EndAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData("hour", "1.4")]
    [InlineData("day", "1.4")]
    [InlineData("hour", "1.2")]
    public async Task A_closed_month_adds_up_to_its_invoices_and_breaks_no_rule(string grain, string version)
    {
        await QuartersAsync(136);
        await Closer().CloseAsync(October, [], Alice, Cancel);

        var rows = await RowsAsync("2026-10", version, grain: grain);

        await ConformsAsync("2026-10", version, grain);
        foreach (var document in await DocumentsAsync()) Assert.Equal(document.Total, Sum(rows.Where(row => row["InvoiceId"] == document.Id), "BilledCost"));
        Assert.Equal(["a", "b"], rows.Select(row => row["BillingAccountId"][^1..]).Distinct().Order());
        Assert.Equal(grain == "hour" ? TimeSpan.FromHours(1) : TimeSpan.FromDays(1), Length(rows.First(row => row["SkuMeter"] == "CPU Time")));

        // Months of the tenants' own: one in Berlin, one in Kolkata's half-hour zone.
        Assert.Equal(["2026-09-30T18:30:00Z", "2026-09-30T22:00:00Z"], rows.Select(row => row["BillingPeriodStart"]).Distinct().Order());
    }

    [Fact]
    public async Task Hours_add_up_to_days_to_the_last_digit()
    {
        await QuartersAsync(136);
        await Closer().CloseAsync(October, [], Alice, Cancel);

        var (hours, days) = (await RowsAsync("2026-10"), await RowsAsync("2026-10", grain: "day"));

        foreach (var column in (string[])["BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity", "ConsumedQuantity"])
            Assert.Equal(Sums(days, column), Sums(hours, column));
        Assert.True(hours.Count > days.Count);

        SortedDictionary<string, decimal> Sums(List<Dictionary<string, string>> rows, string column) => new(rows.GroupBy(row => $"{row["InvoiceDetailId"]} {row["ChargeCategory"]} {row["SkuPriceId"]}").ToDictionary(group => group.Key, group => Sum(group, column)));
    }

    [Fact]
    public async Task Everything_that_is_charged_is_in_its_category()
    {
        await QuartersAsync(136);
        await Closer().CloseAsync(October, [], Alice, Cancel);

        var rows = (await RowsAsync("2026-10")).Where(row => row["BillingAccountId"].EndsWith(":a", StringComparison.Ordinal)).ToList();
        var invoice = (await DocumentsAsync()).Single(document => document.Tenant.Id == "a");

        // 745 hours, of which clocks that are set back are one. Tiers: what is up to 10 Core-Hours at one price, the rest at another, each less 10 %.
        Assert.Equal(["b/1#cpuSeconds in Core-Hours#t1 3 2.7 10", "b/1#cpuSeconds in Core-Hours#t2 2 1.8 114.166666667"], rows.Where(row => row["SkuMeter"] == "CPU Time").GroupBy(row => $"{row["SkuPriceId"]} {row["ListUnitPrice"]} {row["ContractedUnitPrice"]}")
            .OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => $"{group.Key} {Plain(Sum(group, "PricingQuantity"))}"));
        Assert.Equal(("Purchase", "Recurring", 4.5m), (One("SkuMeter", "Months")["ChargeCategory"], One("SkuMeter", "Months")["ChargeFrequency"], Sum(rows.Where(row => row["SkuMeter"] == "Months"), "ContractedCost")));

        // A commitment: bought, used up by usage, nothing to pay for that.
        var (bought, used) = (One("x_ChargeKind", "commitmentPurchase"), rows.Where(row => row["CommitmentDiscountStatus"] == "Used").ToList());
        Assert.Equal(("Purchase", "100", "0", "Spend"), (bought["ChargeCategory"], bought["BilledCost"], bought["EffectiveCost"], bought["CommitmentDiscountCategory"]));
        Assert.Equal((100m, 0m), (Sum(used, "EffectiveCost"), Sum(used, "BilledCost")));
        Assert.All(used, row => Assert.Equal(("Usage", "Committed", bought["CommitmentDiscountId"]), (row["ChargeCategory"], row["PricingCategory"], row["CommitmentDiscountId"])));
        Assert.Equal(("Credit", "-20", "-20"), (One("x_ChargeKind", "creditDrawn")["ChargeCategory"], One("x_ChargeKind", "creditDrawn")["BilledCost"], One("x_ChargeKind", "creditDrawn")["EffectiveCost"]));
        Assert.Equal(("Adjustment", "-7", "0"), (One("x_ChargeKind", "prepaidDrawn")["ChargeCategory"], One("x_ChargeKind", "prepaidDrawn")["BilledCost"], One("x_ChargeKind", "prepaidDrawn")["EffectiveCost"]));
        Assert.Equal(invoice.Total, Sum(rows, "BilledCost"));

        // What the month is worth: all of it at contracted prices, less the credit.
        Assert.Equal(27m + 114.166666667m * 1.8m + 4.5m - 20 + Sum(rows.Where(row => row["x_RoundingResidue"] == "true"), "EffectiveCost"), Sum(rows, "EffectiveCost"));

        // The other tenant pays a minimum, and its commitment lapses in part.
        var other = (await RowsAsync("2026-10", tenant: "b")).ToList();
        Assert.Equal("Adjustment", other.Single(row => row["x_ChargeKind"] == "minimum")["ChargeCategory"]);
        var unused = other.Single(row => row["x_ChargeKind"] == "commitmentUnused");
        Assert.Equal(("Usage", "Unused", "0", ""), (unused["ChargeCategory"], unused["CommitmentDiscountStatus"], unused["BilledCost"], unused["ConsumedQuantity"]));

        Dictionary<string, string> One(string column, string value) => rows.First(row => row[column] == value);
    }

    [Fact]
    public async Task Late_usage_leaves_the_closed_month_as_it_was_billed_and_is_a_correction_of_the_next()
    {
        await QuartersAsync(136);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        var before = Sum(await RowsAsync("2026-10"), "BilledCost");
        await WriteAsync(new BatchSeries("h2", new DateTimeOffset(2026, 10, 10, 0, 0, 0, TimeSpan.Zero), seconds: 3600).Next(("/a/late", 3_600_000_000, true)));

        // The days whose usage is another now stay days; so do those after them that lie in other tiers now.
        var rows = await RowsAsync("2026-10");
        Assert.Equal(before, Sum(rows, "BilledCost"));
        Assert.Contains(rows, row => row["SkuMeter"] == "CPU Time" && Length(row) == TimeSpan.FromDays(1));
        Assert.Contains(rows, row => row["SkuMeter"] == "CPU Time" && Length(row) == TimeSpan.FromHours(1));
        await ConformsAsync("2026-10", "1.4", "hour");

        await QuartersAsync(124);
        _clock.Advance(TimeSpan.FromDays(30));
        await Closer().CloseAsync(November, ["h2"], Alice, Cancel);

        var next = await RowsAsync("2026-11");
        await ConformsAsync("2026-11", "1.4", "hour");
        var note = (await DocumentsAsync()).Single(document => document.Kind != "invoice");
        var corrections = next.Where(row => row["ChargeClass"] == "Correction").ToList();
        Assert.Equal(note.Total, Sum(corrections, "BilledCost"));
        Assert.All(corrections, row => Assert.Equal(note.Id, row["InvoiceId"]));
        var usage = corrections.Where(row => row["ResourceId"].Length > 0).ToList();
        Assert.NotEmpty(usage);
        Assert.All(usage, row => Assert.True(string.CompareOrdinal(row["ChargePeriodEnd"], row["BillingPeriodStart"]) <= 0 && string.CompareOrdinal(row["BillingPeriodStart"], "2026-10-31") >= 0));
        Assert.Equal(before, Sum(await RowsAsync("2026-10"), "BilledCost"));
    }

    [Fact]
    public async Task An_open_month_is_shown_as_it_would_be_billed_and_has_no_invoices_yet()
    {
        await QuartersAsync(90);

        var rows = await RowsAsync("2026-10");

        await ConformsAsync("2026-10", "1.4", "hour");
        var drafts = (await new PeriodDrafter(_store, _options).DraftAsync(October, Cancel)).Documents;
        Assert.Equal(drafts.Sum(document => document.Total), Sum(rows, "BilledCost"));
        Assert.All(rows, row => Assert.Equal(("", ""), (row["InvoiceId"], row["InvoiceDetailId"])));
        Assert.Empty(await RowsAsync("2026-10", dataset: "invoice-detail"));
        Assert.All(await RowsAsync("2026-10", dataset: "billing-period"), row => Assert.Equal("Open", row["BillingPeriodStatus"]));
    }

    [Fact]
    public async Task A_tenant_sees_its_own_rows_only()
    {
        await QuartersAsync(136);
        await Closer().CloseAsync(October, [], Alice, Cancel);

        foreach (var dataset in (string[])["cost-and-usage", "invoice-detail"])
        {
            var all = await RowsAsync("2026-10", dataset: dataset);
            var own = await RowsAsync("2026-10", dataset: dataset, tenant: "b");
            Assert.NotEmpty(own);
            Assert.Equal(all.Where(row => row["BillingAccountId"].EndsWith(":b", StringComparison.Ordinal)).Select(Text).Order(), own.Select(Text).Order());
        }

        Assert.Single(await RowsAsync("2026-10", dataset: "billing-period", tenant: "b"));

        static string Text(Dictionary<string, string> row) => string.Join('|', row.Values);
    }

    [Fact]
    public async Task Chosen_columns_come_in_the_order_asked_for_and_the_metadata_describes_them()
    {
        await QuartersAsync(136);
        await Closer().CloseAsync(October, [], Alice, Cancel);

        var (text, request) = await TextAsync("2026-10", columns: "x_ChargeKind,servicename,BilledCost", grain: "day");

        Assert.StartsWith("ServiceName,BilledCost,x_ChargeKind\r\n", text, StringComparison.Ordinal);
        var metadata = JsonSerializer.Deserialize<JsonElement>(await Export().MetadataAsync(request, Cancel));
        var schema = metadata.GetProperty("Schema").EnumerateArray().Last();
        Assert.Equal(["ServiceName", "BilledCost", "x_ChargeKind"], schema.GetProperty("ColumnDefinition").EnumerateArray().Select(column => column.GetProperty("ColumnName").GetString()));
        Assert.Equal("1.4", schema.GetProperty("FocusVersion").GetString());
        Assert.True(metadata.GetProperty("Recency").EnumerateArray().All(one => one.GetProperty("DatasetInstanceComplete").GetBoolean()));
        Assert.True((await Export().CheckAsync(request, isSelection: true, Cancel)).Conforms);
    }

    private FocusExport Export() => new(_store, _options, new PeriodDrafter(_store, _options), new FocusOptions { ServiceProviderName = "Platform" }, _clock);

    private PeriodCloser Closer() => new(_store, _options, new PeriodDrafter(_store, _options), _clock);

    private async Task ConformsAsync(string period, string version, string grain)
    {
        var request = FocusRequest.From(period, version, null, grain, null, null, [])!;
        var report = await Export().CheckAsync(request, isSelection: false, Cancel);
        Assert.Empty(report.Findings.Where(finding => finding.Violations > 0).Select(finding => $"{finding.Rule} {finding.Statement}: {finding.First}"));
        Assert.True(report.Rows["cost-and-usage"] > 0);
    }

    private async Task<(string Text, FocusRequest Request)> TextAsync(string period, string version = "1.4", string? dataset = null, string grain = "hour", string? columns = null, string? tenant = null)
    {
        var faults = new List<string>();
        var request = FocusRequest.From(period, version, dataset, grain, columns, tenant, faults);
        Assert.Empty(faults);
        var memory = new MemoryStream();
        var pipe = PipeWriter.Create(memory, new StreamPipeWriterOptions(leaveOpen: true));
        await Export().WriteAsync(request!, pipe, Cancel);
        await pipe.CompleteAsync();
        return (Encoding.UTF8.GetString(memory.ToArray()), request!);
    }

    private async Task<List<Dictionary<string, string>>> RowsAsync(string period, string version = "1.4", string? dataset = null, string grain = "hour", string? tenant = null)
    {
        var (text, _) = await TextAsync(period, version, dataset, grain, null, tenant);
        var table = new List<List<string>>();
        var reader = new FocusCsvReader(cells => table.Add([.. Enumerable.Range(0, cells.Count).Select(i => Encoding.UTF8.GetString(cells[i]))]));
        reader.Push(Encoding.UTF8.GetBytes(text));
        reader.End();
        return [.. table.Skip(1).Select(row => table[0].Zip(row).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal))];
    }

    private static decimal Sum(IEnumerable<Dictionary<string, string>> rows, string column) => rows.Sum(row => row[column].Length == 0 ? 0 : decimal.Parse(row[column], CultureInfo.InvariantCulture));

    private static string Plain(decimal value) => (value / 1.000000000000000000m).ToString("0.#########", CultureInfo.InvariantCulture);

    private static TimeSpan Length(Dictionary<string, string> row) => DateTimeOffset.Parse(row["ChargePeriodEnd"], CultureInfo.InvariantCulture) - DateTimeOffset.Parse(row["ChargePeriodStart"], CultureInfo.InvariantCulture);

    // Every six hours: an hour of CPU of each of two workloads, one for each tenant.
    private Task QuartersAsync(int quarters) => WriteAsync([.. Enumerable.Range(0, quarters).Select(_ => _host.Next(("/a", 3_600_000_000, false), ("/b", 1_234_567_891, false)))]);

    private Task WriteAsync(params Messages.UsageBatch[] batches) => _writer.WriteAsync([.. batches.Select(BatchSeries.Item)], Cancel);

    private async Task<List<InvoiceDocument>> DocumentsAsync()
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        return await InvoiceStore.ReadAsync(connection, null, null, 0, 100, Cancel);
    }

    private Task ConfigureAsync() => _store.WriteAsync(async transaction =>
    {
        OwnershipRule[] rules = [new OwnershipRule { Match = new OwnershipMatch { Path = "/a*" }, Tenant = "a", Project = "shop" }, new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "b" }];
        transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
        transaction.Context.AddRange(new Tenant { Id = "a", Name = "Acme, \"Inc\"", TimeZone = "Europe/Berlin", PriceBook = "b" }, new Tenant { Id = "b", Name = "=Bolt", TimeZone = "Asia/Kolkata", PriceBook = "b" });
        var version = new PriceVersion
        {
            Currency = "EUR",
            Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Model = "graduated", Tiers = [new Tier(10, 3), new Tier(null, 2)] }, new Price { Model = "flat", Unit = "Months", Amount = 5 }],
        };
        transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(version, LedgerJson.Options) });
        var a = new Contract { Terms = [new ContractTerms { Discount = 10, Commitment = 100 }], Credits = [new Balance { Id = "gift", Amount = 20 }], Prepaid = [new Balance { Id = "paid", Amount = 7 }] };
        var b = new Contract { Terms = [new ContractTerms { Commitment = 500, Minimum = 600, Discount = 33.333333m }] };
        transaction.Context.AddRange(new StoredContract { Tenant = "a", Json = JsonSerializer.Serialize(a, LedgerJson.Options) }, new StoredContract { Tenant = "b", Json = JsonSerializer.Serialize(b, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
        await Ownerships.RebuildAsync(transaction, new OwnershipRules(rules));
        await LedgerGrain.RefineAsync(transaction, _options, [], 900, DateTimeOffset.UnixEpoch);
    }, Cancel);
}
