using System.Text.Json;
using Metering.Service.Allocation;
using Metering.Service.Billing;
using Metering.Service.Focus;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Metering.Tests.Verification;
using Microsoft.EntityFrameworkCore;
using Xunit;

namespace Metering.Tests.Focus;

/// <summary>Two closed months with every kind of row at once: two rates of tax, shared hosts, an invoice voided and issued anew, late usage.</summary>
public abstract partial class FocusContract
{
    private static readonly Dictionary<string, string[]> Categories = new(StringComparer.Ordinal)
    {
        ["usage"] = ["Usage", "Purchase"], ["allocation"] = ["Usage"], ["commitmentPurchase"] = ["Purchase"], ["commitmentUsed"] = ["Usage", "Adjustment"], ["commitmentUnused"] = ["Usage"], ["minimum"] = ["Adjustment"], ["serviceCredit"] = ["Credit"],
        ["tax"] = ["Tax"], ["creditDrawn"] = ["Credit"], ["prepaidDrawn"] = ["Adjustment"], ["adjustment"] = ["Adjustment"],
    };

    [Fact]
    public async Task Every_kind_of_row_is_in_its_category_and_every_invoice_adds_up_to_the_last_digit()
    {
        await EverythingAsync();
        var documents = await DocumentsAsync();

        foreach (var (period, grain, version) in (from period in (string[])["2026-10", "2026-11"] from way in new[] { ("hour", "1.4"), ("day", "1.4"), ("hour", "1.2") } select (period, way.Item1, way.Item2)))
        {
            await ConformsAsync(period, version, grain);
            var rows = await RowsAsync(period, version, grain: grain);
            var issued = documents.Where(document => document.Period == period).ToDictionary(document => document.Id);
            Assert.Equal(issued.Keys.Order(), rows.Select(row => row["InvoiceId"]).Distinct().Order());
            foreach (var (id, document) in issued)
            {
                var own = rows.Where(row => row["InvoiceId"] == id).ToList();
                Assert.Equal((document.Total, document.Tax), (Sum(own, "BilledCost"), Sum(own.Where(row => row["ChargeCategory"] == "Tax"), "BilledCost")));
                Assert.All(own, row => Assert.Equal(document.Origin != period || document.Replaces is not null ? "Correction" : "", row["ChargeClass"]));
                Assert.Equal(document.Lines.Where(line => line.IsDraw).Sum(line => line.Amount), Sum(own.Where(row => row["x_ChargeKind"] is "creditDrawn" or "prepaidDrawn"), "BilledCost"));
            }

            Assert.All(rows, row => Assert.Contains(row["ChargeCategory"], Categories[row["x_ChargeKind"]]));
            Assert.All(rows, row => Assert.Equal(row["CommitmentDiscountStatus"].Length > 0 ? "Committed" : row["ChargeCategory"] is "Usage" or "Purchase" ? "Standard" : "", row["PricingCategory"]));
            if (period == "2026-10") Assert.Empty(Categories.Keys.Except(rows.Select(row => row["x_ChargeKind"])));
            Committed(rows);
        }
    }

    [Fact]
    public async Task A_voided_invoice_stays_and_is_taken_back_and_issued_anew_as_corrections_of_the_open_month()
    {
        await EverythingAsync();
        var documents = await DocumentsAsync();
        var (note, anew) = (documents.Single(document => document.Voids is not null), documents.Single(document => document.Replaces is not null));
        var invoice = documents.Single(document => document.Id == note.Voids);

        var (before, after) = (await RowsAsync("2026-10", tenant: "b"), await RowsAsync("2026-11", tenant: "b"));

        Assert.Equal((invoice.Total, -invoice.Total, anew.Total), (Sum(before, "BilledCost"), Of(note, "BilledCost"), Of(anew, "BilledCost")));
        Assert.Equal((-Sum(before, "EffectiveCost"), -Sum(before, "ConsumedQuantity")), (Of(note, "EffectiveCost"), Of(note, "ConsumedQuantity")));
        var corrections = after.Where(row => row["ChargeClass"] == "Correction").ToList();
        Assert.Equal([note.Id, anew.Id], corrections.Select(row => row["InvoiceId"]).Distinct().Order());
        Assert.All(corrections, row => Assert.True(string.CompareOrdinal(row["ChargePeriodEnd"], row["BillingPeriodStart"]) <= 0 && row["BillingPeriodStart"] == "2026-10-31T18:30:00Z"));
        Assert.All(corrections.Where(row => row["PricingQuantity"].Length > 0), row => Assert.DoesNotContain('-', row["ListUnitPrice"] + row["ContractedUnitPrice"]));
        var details = await RowsAsync("2026-11", dataset: "invoice-detail", tenant: "b");
        Assert.All(details.Where(row => row["InvoiceId"] == note.Id || row["InvoiceId"] == anew.Id), row => Assert.Equal(invoice.Id, row["ReferenceInvoiceId"]));
        Assert.All(await RowsAsync("2026-10", dataset: "invoice-detail", tenant: "b"), row => Assert.Equal("Voided", row["InvoiceIssueStatus"]));

        decimal Of(InvoiceDocument document, string column) => Sum(after.Where(row => row["InvoiceId"] == document.Id), column);
    }

    [Fact]
    public async Task Shares_of_hosts_name_the_host_what_they_are_split_to_and_by_which_part_and_add_up_to_the_invoice()
    {
        await EverythingAsync();
        var invoice = (await DocumentsAsync()).Single(document => document.Tenant.Id == "c" && document.Kind == "invoice" && document.Period == "2026-10");

        var rows = (await RowsAsync("2026-10", tenant: "c")).Where(row => row["x_ChargeKind"] == "allocation").ToList();

        // Less the discount of 5 % on each part; what rounding the lines adds is in rows of its own.
        Assert.Equal(invoice.Lines.Where(line => line.Kind is "allocation" or "discount").Sum(line => line.Cost.ToDecimal()), Sum(rows, "BilledCost"));
        foreach (var line in invoice.Lines.Where(line => line.Kind == "allocation")) Assert.Equal(line.Cost.ToDecimal(), Sum(rows.Where(row => row["AllocatedMethodId"] == line.Text), "ListCost"));
        Assert.All(rows, row => Assert.Equal(("Usage", "Usage-Based", "Shared Hosts", "1"), (row["ChargeCategory"], row["ChargeFrequency"], row["ServiceName"], row["ListUnitPrice"])));

        // One host has less than is used of it, 5,400 s in six hours of which 7,180 s are used: its idle is negative, shown, and goes by what was used. Overhead and what others are given for nothing is no workload's.
        var idle = rows.Where(row => row["AllocatedMethodId"] == "Idle host cost").ToList();
        Assert.True(Sum(idle.Where(row => row["ResourceId"] == "urn:metering:host:h1"), "BilledCost") < 0 && Sum(idle.Where(row => row["ResourceId"] == "urn:metering:host:h3"), "BilledCost") > 0);
        var byUse = rows.Where(row => row["AllocatedMethodId"] == "Host cost by cpuSeconds" && row["ResourceId"] == "urn:metering:host:h1").ToList();
        Assert.Equal(Math.Round(5_400 / 7_180.246_792m - 1, 8), Math.Round(Sum(idle.Where(row => row["ResourceId"] == "urn:metering:host:h1"), "ListCost") / Sum(byUse, "ListCost"), 8));
        Assert.Equal(["Overhead", "Shared cost"], rows.Where(row => row["ResourceId"].Length == 0).Select(row => row["AllocatedMethodId"]).Distinct().Order());
        Assert.All(rows.Where(row => row["ResourceId"].Length > 0), row => Assert.Equal(("Host", row["ResourceId"] + ":raw:/c", "", "{}"), (row["ResourceType"], row["AllocatedResourceId"], row["Tags"], row["AllocatedTags"])));

        // Before 1.3 there are no such columns: the resource is the workload.
        var old = (await RowsAsync("2026-10", "1.2", tenant: "c")).Where(row => row["x_ChargeKind"] == "allocation").ToList();
        Assert.Equal(rows.Select(row => row["AllocatedResourceId"]).Order(), old.Select(row => row["ResourceId"]).Order());
    }

    // What usage is worth under a commitment is what it was bought for; used and unused add up to it.
    private static void Committed(List<Dictionary<string, string>> rows)
    {
        foreach (var commitment in rows.Where(row => row["CommitmentDiscountId"].Length > 0).GroupBy(row => row["CommitmentDiscountId"]))
        {
            var (usage, bought) = (commitment.Where(row => row["ChargeCategory"] == "Usage").ToList(), commitment.Where(row => row["ChargeCategory"] == "Purchase").ToList());
            Assert.Equal((Sum(bought, "BilledCost"), Sum(bought, "BilledCost"), Sum(bought, "BilledCost")), (Sum(usage, "EffectiveCost"), Sum(usage, "CommitmentDiscountQuantity"), Sum(bought, "CommitmentDiscountQuantity")));
        }
    }

    private async Task EverythingAsync()
    {
        var half = new DateTimeOffset(2026, 10, 15, 22, 0, 0, TimeSpan.Zero);
        var terms = new ContractTerms { Discount = 10, Commitment = 100, TaxName = "VAT", TaxRate = 19 };
        await _store.WriteAsync(async transaction =>
        {
            var contracts = await transaction.Context.Set<StoredContract>().ToDictionaryAsync(one => one.Tenant, Cancel);
            Put(contracts["a"], contract => contract with { Terms = [terms with { ValidTo = half }, terms with { ValidFrom = half, TaxRate = 7 }] });
            Put(contracts["b"], contract => contract with { Terms = [contract.Terms[0] with { TaxRate = 20, ServiceCredit = new ServiceCredit { Threshold = 12.5m, PerCoreHour = 0.0333333333m } }] });
            transaction.Context.Add(new Tenant { Id = "c", Name = "C", TimeZone = "Europe/Berlin" });
            transaction.Context.Add(new StoredContract { Tenant = "c", Json = JsonSerializer.Serialize(new Contract { Terms = [new ContractTerms { Model = "allocation", Discount = 5, TaxRate = 10 }] }, LedgerJson.Options) });
            OwnershipRule[] rules = [new() { Match = new OwnershipMatch { Path = "/a*" }, Tenant = "a", Project = "shop" }, new() { Match = new OwnershipMatch { Path = "/c*" }, Tenant = "c" }, new() { Match = new OwnershipMatch { Path = "*" }, Tenant = "b" }];
            await transaction.ExecuteAsync("DELETE FROM ownership_rules");
            transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
            await transaction.Context.SaveChangesAsync(Cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
            await Ownerships.RebuildAsync(transaction, new OwnershipRules(rules));
        }, Cancel);
        var hosts = new AllocationVersion
        {
            Currency = "EUR", Overhead = [new OverheadCost { Name = "power", PerHour = 0.1m }], Shared = ["b"],
            Hosts = [new HostRate { Match = new PriceSelector { Host = "h1" }, PerHour = 1.234567891m, CpuShare = 1, Cores = 0.25m }, new HostRate { PerHour = 0.7m, CpuShare = 1, Cores = 4 }],
        };
        await _store.WriteAsync(transaction => AllocationEndpoints.PutAsync(transaction, new AllocationDocument { Versions = [hosts] }, force: true, Alice, _options, _clock.GetUtcNow(), Cancel), Cancel);

        var other = new BatchSeries("h3", new DateTimeOffset(2026, 9, 30, 22, 0, 0, TimeSpan.Zero), seconds: 21_600);
        await MonthAsync(136);
        await Closer().CloseAsync(October, [], Alice, Cancel);

        // One invoice is taken back and issued anew with another tax; then usage of the closed month comes, of a host that nobody knew.
        var voiding = new InvoiceVoiding(_store, _options, new InvoiceOptions(), _clock);
        var invoice = (await DocumentsAsync()).Single(document => document.Tenant.Id == "b");
        await voiding.VoidAsync(invoice.Id, "wrong tax", Alice, Cancel);
        await _store.WriteAsync(async transaction =>
        {
            Put(await transaction.Context.Set<StoredContract>().SingleAsync(one => one.Tenant == "b", Cancel), contract => contract with { Terms = [contract.Terms[0] with { TaxRate = 21 }] });
            await transaction.Context.SaveChangesAsync(Cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
        }, Cancel);
        await voiding.ReissueAsync(invoice.Id, Alice, Cancel);
        await WriteAsync(new BatchSeries("h2", new DateTimeOffset(2026, 10, 10, 0, 0, 0, TimeSpan.Zero), seconds: 3600).Next(("/a/late", 3_600_000_000, true), ("/c/late", 1_800_000_000, true)));
        await MonthAsync(124);
        _clock.Advance(TimeSpan.FromDays(30));
        await Closer().CloseAsync(November, ["h2"], Alice, Cancel);

        // Every six hours: three workloads on a host that is too small for them, and two on one that is not full.
        Task MonthAsync(int quarters) => WriteAsync([.. Enumerable.Range(0, quarters).SelectMany(_ => new[]
        {
            _host.With(_host.Next(("/a", 3_600_000_000, false), ("/b", 1_234_567_891, false), ("/c", 2_345_678_901, false)), "/b", ("cpuReservedMicroseconds", 10_000_000_019), ("cpuThrottledMicroseconds", 7_000_000_003)), other.Next(("/b", 700_000_001, false), ("/c", 1_000_000_007, false)),
        })]);

        static void Put(StoredContract stored, Func<Contract, Contract> change) => stored.Json = JsonSerializer.Serialize(change(stored.Read()), LedgerJson.Options);
    }
}
