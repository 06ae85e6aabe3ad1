using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Quotas;

/// <summary>
/// Refuses prices that a quota on cost could not count as usage arrives. It counts growth, batch by batch: that is exact for prices per unit in any window, and for tiers and packages over the tenant's month,
/// where the running quantity is the one that the tiers are cut by. It is not for tiers in other windows or of a project (whose share depends on the rest of the tenant), nor for what only a whole bucket tells
/// (the larger of usage and reservation, presence), nor for labels, which may be learnt after the usage. Prices per month of the tenant are no usage and not counted.
/// </summary>
internal sealed class CostQuotaGuard : IPriceGuard
{
    public async Task<IReadOnlyList<Fault>> CheckAsync(LedgerTransaction transaction, PriceCatalogue prices, DateTimeOffset now)
    {
        var faults = new List<Fault>();
        foreach (var row in await transaction.Context.Set<StoredQuota>().AsNoTracking().OrderBy(quota => quota.Id).ToListAsync())
        {
            var quota = JsonSerializer.Deserialize<Quota>(row.Json, LedgerJson.Options)!;
            faults.AddRange(Check(row.Id, quota, prices, now).Select(fault => new Fault("", fault + " Change or remove the quota first.")));
        }

        return faults;
    }

    /// <summary>Why the quota can not count these prices, one sentence each.</summary>
    public static IEnumerable<string> Check(string id, Quota quota, PriceCatalogue prices, DateTimeOffset now)
    {
        if (quota.Meter != "cost" || quota.Subject.Tenant is not { } tenant) yield break;
        foreach (var validity in prices.BooksOf(tenant).SelectMany(prices.Book).Where(validity => validity.To > now.ToUnixTimeSeconds()))
        {
            foreach (var line in validity.Lines)
            {
                if (Obstacle(quota, line) is { } obstacle) yield return $"The quota '{id}' counts cost as usage arrives, and the price of '{line.Sku}' in '{validity.Book}' version {validity.Version} {obstacle}.";
            }
        }
    }

    private static string? Obstacle(Quota quota, PriceLine line)
    {
        if (line.Unit == PricingUnit.Months) return null;
        if (line.Model == PriceModel.Flat) return "is for presence, which only a whole bucket tells";
        if (line.Basis == PriceBasis.Larger) return "is by max(usage, reservation), which only a whole bucket tells";
        if (line.Selector is { AsksLabels: true }) return "selects by labels, which may be learnt after the usage";
        if (line.IsLinear || (quota.Window == "month" && quota.Subject.Project is null)) return null;
        return $"is {(line.Model == PriceModel.Package ? "by package" : "tiered")} over the tenant's month, so it can only be counted with window month and without a project";
    }
}
