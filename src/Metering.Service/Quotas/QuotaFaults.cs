using System.Text.Json;
using Metering.Service.Ledger;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Quotas;

/// <summary>Tells every fault of quotas that are to be put, against what the ledger has. As of one transaction.</summary>
internal sealed class QuotaFaults
{
    private readonly QuotaCatalogue _catalogue;
    private readonly IReadOnlyDictionary<string, QuotaPlan> _plans;
    private readonly DateTimeOffset _now;
    private (IReadOnlyList<(string Id, Quota Body)> All, List<CompiledQuota> Sound) _beside = ([], []);

    private QuotaFaults(QuotaCatalogue catalogue, IReadOnlyDictionary<string, QuotaPlan> plans, DateTimeOffset now) => (_catalogue, _plans, _now) = (catalogue, plans, now);

    public static async Task<QuotaFaults> LoadAsync(LedgerTransaction transaction, DateTimeOffset now, CancellationToken cancel)
    {
        var plans = (await transaction.Context.Set<StoredQuotaPlan>().AsNoTracking().ToListAsync(cancel)).ToDictionary(row => row.Id, row => JsonSerializer.Deserialize<QuotaPlan>(row.Json, LedgerJson.Options)!, StringComparer.Ordinal);
        return new QuotaFaults(await QuotaCatalogue.LoadAsync(transaction.Context, cancel), plans, now);
    }

    /// <param name="all">What is put with it, itself included; none: it alone.</param>
    public List<Fault> Of(string id, Quota quota, IReadOnlyList<(string Id, Quota Body)> all)
    {
        var limit = QuotaCatalogue.LimitOf(quota, _plans);
        var faults = QuotaRules.Check(id, quota, limit);
        if (all.Count(other => other.Id == id) > 1) faults.Add(new Fault("", $"The id '{id}' is there twice."));
        var ids = _catalogue.Quotas.Select(other => other.Id).Concat(all.Select(other => other.Id)).Distinct(StringComparer.Ordinal);
        faults.AddRange(QuotaRules.CheckReferences(id, quota, [.. _catalogue.Prices.Tenants.Keys], _catalogue.Webhooks, ids));
        faults.AddRange(QuotaRules.CheckHolder(id, quota, limit ?? 0, Beside(all)));
        faults.AddRange(CostQuotaGuard.Check(id, quota, _catalogue.Prices, _now).Select(fault => new Fault("meter", fault)));
        return faults;
    }

    // The others as they will be. One with faults of its own is told of those.
    private List<CompiledQuota> Beside(IReadOnlyList<(string Id, Quota Body)> all)
    {
        if (ReferenceEquals(_beside.All, all) && _beside.Sound.Count > 0) return _beside.Sound;
        var put = all.Select(other => other.Id).ToHashSet(StringComparer.Ordinal);
        var sound = _catalogue.Quotas.Where(other => !put.Contains(other.Id)).ToList();
        foreach (var (id, body) in all)
        {
            if (QuotaCatalogue.LimitOf(body, _plans) is { } limit && QuotaRules.Check(id, body, limit).Count == 0)
                sound.Add(new CompiledQuota(sound.Count, id, body, limit, _catalogue.Prices.ZoneOf(body.Subject.Tenant ?? "")));
        }

        _beside = (all, sound);
        return sound;
    }
}
