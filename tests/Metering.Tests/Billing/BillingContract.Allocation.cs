using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Allocation;
using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Reports;
using Metering.Service.Tenants;
using Xunit;

namespace Metering.Tests.Billing;

/// <summary>Tenants that pay their share of the hosts.</summary>
public abstract partial class BillingContract
{
    private static readonly DateTimeOffset OctoberStart = new(2026, 10, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_contract_by_allocation_bills_the_share_of_the_hosts_and_all_shares_are_what_the_hosts_cost()
    {
        await TwoTenantsAsync();
        await AllocateAsync(new AllocationVersion { Currency = "EUR", Hosts = [new HostRate { PerHour = 1, CpuShare = 1, Cores = 1 }], Overhead = [new OverheadCost { Name = "power", PerHour = 0.1m }] });
        await ContractAsync(_ => new Contract { Terms = [new ContractTerms { Model = "allocation", TaxRate = 10 }] });
        await DaysAsync(33);

        await Closer().CloseAsync(October, [], Alice, Cancel);

        // Two hours of CPU a day, one of each tenant, so each has a half of 24 + 2.4 a day; t has no price per month any more, u pays by the book.
        var documents = await DocumentsAsync();
        var (t, u) = (documents.Single(one => one.Tenant.Id == "t"), documents.Single(one => one.Tenant.Id == "u"));
        Assert.Equal(["allocation", "allocation", "allocation", "tax"], t.Lines.Select(line => line.Kind).Where(kind => kind != "adjustment"));
        Assert.Equal((31 * 13.2m, 31 * 1.32m, "usage"), (t.Net, t.Tax, u.Lines[0].Kind));
        Assert.Equal(31 * (1m + 11 + 1.2m), Math.Round(t.Lines.Where(line => line.Kind == "allocation").Sum(line => line.Cost.ToDecimal()), 5));
        Assert.True(await CountAsync("charge WHERE kind = 'allocation' AND price = 10000000000") > 0);
        Assert.Empty(await VerifiedAsync());

        var page = await SharesAsync("tenant", null);
        Assert.Equal(31 * 26.4m, page.Rows.Sum(row => row.Cost));
        Assert.Equal(["__idle__ 0", "__overhead__ 0", "t 409.2", "u 409.2"], page.Rows.Select(row => $"{row.Key["tenant"]} {Math.Round(row.Cost, 5):0.#####}"));
        Assert.Equal((31 * 22m, 0m), (Math.Round(page.Rows[0].Parts["idle"], 5), page.Rows[0].Parts["idle"] + page.Rows[0].Parts["idleDistributed"]));
        Assert.Equal(["t 409.2"], (await SharesAsync("tenant", "t")).Rows.Select(row => $"{row.Key["tenant"]} {Math.Round(row.Cost, 5):0.#####}"));

        // By whatever usage can be grouped by; overhead is of no workload, and adds up all the same.
        var kinds = (await SharesAsync("kind,project", null)).Rows;
        Assert.Equal([" ", "raw "], kinds.Select(row => $"{row.Key["kind"]} {row.Key["project"]}"));
        Assert.Equal((31 * 26.4m, 31 * 24m), (kinds.Sum(row => row.Cost), kinds[1].Cost));
        Assert.Equal([" 372"], (await SharesAsync("label:none", null, "path:/a*")).Rows.Select(row => $"{row.Key["label:none"]} {Math.Round(row.Cost, 5):0.#####}"));

        var id = await TextAsync("SELECT period || '-' || n FROM charge WHERE sku = 'Host cost by cpuSeconds' ORDER BY n LIMIT 1");
        var explained = (await new ChargeExplanation(_store, _options).ExplainAsync(id, new Caller(Roles.Reader, "t", null), 10, Cancel))!;
        Assert.Equal((3_600_000_000L, "1.000000008 EUR × 1 EUR = 1.000000008 EUR"), (explained.Buckets.Sum(bucket => bucket.Quantity!.Value), explained.Arithmetic));
        Assert.NotEmpty(explained.Batches);
    }

    [Fact]
    public async Task Another_cost_of_the_hosts_is_a_correction_for_whom_it_concerns()
    {
        await TwoTenantsAsync();
        var version = new AllocationVersion { Currency = "EUR", Hosts = [new HostRate { PerHour = 1, CpuShare = 1 }] };
        await AllocateAsync(version);
        await ContractAsync(_ => new Contract { Terms = [new ContractTerms { Model = "allocation" }] });
        await DaysAsync(33);
        await Closer().CloseAsync(October, [], Alice, Cancel);
        await AllocateAsync(version with { Hosts = [new HostRate { PerHour = 2, CpuShare = 1 }] });
        Assert.Contains("rated by other prices", Assert.Single(await VerifiedAsync()));
        await DaysAsync(30);
        _clock.Advance(TimeSpan.FromDays(30));

        await Closer().CloseAsync(November, [], Alice, Cancel);

        var note = (await DocumentsAsync()).Single(one => one.Origin == "2026-10" && one.Period == "2026-11");
        Assert.Equal(("debitNote", "t", 31 * 12m), (note.Kind, note.Tenant.Id, note.Total));
        Assert.Empty(await VerifiedAsync());
    }

    private async Task TwoTenantsAsync()
    {
        await _store.WriteAsync(async transaction =>
        {
            transaction.Context.Add(new Tenant { Id = "u", Name = "U", PriceBook = "b" });
            OwnershipRule[] rules = [new OwnershipRule { Match = new OwnershipMatch { Path = "/a" }, Tenant = "t" }, new OwnershipRule { Match = new OwnershipMatch { Path = "*" }, Tenant = "u" }];
            await transaction.ExecuteAsync("DELETE FROM ownership_rules");
            transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
            await transaction.Context.SaveChangesAsync(Cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
        }, Cancel);
    }

    private Task AllocateAsync(AllocationVersion version) => _store.WriteAsync(transaction =>
        AllocationEndpoints.PutAsync(transaction, new AllocationDocument { Versions = [version] }, force: true, Alice, _options, _clock.GetUtcNow(), Cancel), Cancel);

    private async Task<AllocationPage> SharesAsync(string groupBy, string? tenant, params string[] filter)
    {
        var query = UsageQuery.From(new UsageParameters { From = "2026-10", GroupBy = groupBy, Filter = filter }, new Caller(tenant is null ? Roles.Admin : Roles.Reader, tenant, null), await LedgerGrain.ReadAsync(_store, _options, Cancel), _store.IsPostgres, OctoberStart, out var faults);
        Assert.Empty(faults);
        return await new AllocationReport(_store, _options).RunAsync(query!, Cancel);
    }
}
