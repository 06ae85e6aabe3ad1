using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>
/// Refuses prices that a quota on cost could not count as usage arrives. It counts growth, batch by batch: that is exact for prices per unit in any window, and for tiers and packages over the tenant's month,
/// where the running quantity is the one that the tiers are cut by. It is not for tiers in other windows or of a part of a tenant (whose share depends on the rest), nor for what only a whole bucket tells
/// (the larger of usage and reservation, presence), nor for labels, which may be learnt after the usage. Prices per month of the tenant are no usage and not counted.
/// </summary>
internal sealed class CostQuotaGuard : IPriceGuard
{
    public async Task<IReadOnlyList<Fault>> CheckAsync(LedgerTransaction transaction, PriceCatalogue prices, DateTimeOffset now)
    {
        var faults = new List<Fault>();
        foreach (var quota in (await QuotaCatalogue.LoadAsync(transaction.Context, CancellationToken.None)).Quotas)
            faults.AddRange(Check(quota.Id, quota.Document, prices, now).Select(fault => new Fault("", fault + " Change or remove the quota first.")));
        return faults;
    }

    /// <summary>Why the quota can not count these prices, one sentence each.</summary>
    public static IEnumerable<string> Check(string id, Quota quota, PriceCatalogue prices, DateTimeOffset now)
    {
        if (quota.Meter != "cost") yield break;
        var tenants = prices.Tenants.Values.Where(tenant => quota.Subject.Tenant is null || tenant.Id == quota.Subject.Tenant).OrderBy(tenant => tenant.Id, StringComparer.Ordinal).ToArray();
        if (OtherCurrency(tenants) is { } other) yield return $"The quota '{id}' counts the cost of several tenants, and '{other.Id}' is billed in {other.Currency} while '{tenants[0].Id}' is in {tenants[0].Currency}.";
        foreach (var book in tenants.SelectMany(tenant => prices.BooksOf(tenant.Id)).Distinct(StringComparer.Ordinal))
        {
            foreach (var validity in prices.Book(book).Where(validity => validity.To > now.ToUnixTimeSeconds()))
            {
                foreach (var line in validity.Lines)
                {
                    if (Obstacle(quota, line) is { } obstacle) yield return $"The quota '{id}' counts cost as usage arrives, and the price of '{line.Sku}' in '{validity.Book}' version {validity.Version} {obstacle}.";
                }
            }
        }
    }

    private static Tenant? OtherCurrency(Tenant[] tenants) => Array.Find(tenants, tenant => tenant.PriceBook.Length > 0 && tenant.Currency != tenants[0].Currency);

    private static string? Obstacle(Quota quota, PriceLine line)
    {
        if (line.Unit == PricingUnit.Months) return null;
        if (line.Model == PriceModel.Flat) return "is for presence, which only a whole bucket tells";
        if (line.Basis == PriceBasis.Larger) return "is by max(usage, reservation), which only a whole bucket tells";
        if (line.Selector is { AsksLabels: true }) return "selects by labels, which may be learnt after the usage";
        var isWholeMonth = quota is { Kind: "usage", Window: "month", Subject: { Tenant: not null, Project: null, Host: null, Workload: null } };
        if (line.IsLinear || isWholeMonth) return null;
        return $"is {(line.Model == PriceModel.Package ? "by package" : "tiered")} over the tenant's month, so it can only be counted with window month and for a whole tenant, without a project";
    }
}
