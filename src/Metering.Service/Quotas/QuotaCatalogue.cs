using System.Text.Json;
using Metering.Service.Alerts;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Quotas;

/// <summary>Every quota, ready to be evaluated, and whom each is about. Immutable but for what it remembers; one for each revision of the configuration.</summary>
internal sealed class QuotaCatalogue
{
    private readonly ILookup<string, CompiledQuota> _byTenant;
    private readonly ILookup<string, CompiledQuota> _byHost;
    private readonly CompiledQuota[] _others;
    private readonly Dictionary<string, QuotaSet> _sets = new(StringComparer.Ordinal);
    private readonly string _rulesHash;
    private readonly string _pricesHash;

    private QuotaCatalogue(IReadOnlyList<CompiledQuota> quotas, PriceCatalogue prices, IReadOnlySet<string> webhooks, string rulesHash, string pricesHash)
    {
        (Quotas, Prices, Webhooks, _rulesHash, _pricesHash) = (quotas, prices, webhooks, rulesHash, pricesHash);
        _byTenant = quotas.Where(quota => quota.Document.Subject.Tenant is not null).ToLookup(quota => quota.Document.Subject.Tenant!, StringComparer.Ordinal);
        _byHost = quotas.Where(quota => quota.Document.Subject is { Tenant: null, Host: not null }).ToLookup(quota => quota.Document.Subject.Host!, StringComparer.Ordinal);
        _others = [.. quotas.Where(quota => quota.Document.Subject is { Tenant: null, Host: null })];
    }

    /// <summary>Ordered by id.</summary>
    public IReadOnlyList<CompiledQuota> Quotas { get; }

    public PriceCatalogue Prices { get; }

    public IReadOnlySet<string> Webhooks { get; }

    public static async Task<QuotaCatalogue> LoadAsync(MeteringContext context, CancellationToken cancel)
    {
        var stored = await context.Set<StoredQuota>().AsNoTracking().ToListAsync(cancel);
        var plans = (await context.Set<StoredQuotaPlan>().AsNoTracking().ToListAsync(cancel)).ToDictionary(row => row.Id, row => JsonSerializer.Deserialize<QuotaPlan>(row.Json, LedgerJson.Options)!, StringComparer.Ordinal);
        var webhooks = await context.Set<Webhook>().AsNoTracking().Select(webhook => webhook.Id).ToListAsync(cancel);
        var prices = await PriceCatalogue.LoadAsync(context, cancel);
        var rules = await context.Set<StoredRules>().AsNoTracking().Select(row => row.Json).FirstOrDefaultAsync(cancel);
        var versions = await context.Set<StoredPriceVersion>().AsNoTracking().OrderBy(row => row.Book).ThenBy(row => row.Version).Select(row => row.Book + row.Version + row.Json).ToListAsync(cancel);
        var contracts = await context.Set<StoredContract>().AsNoTracking().OrderBy(row => row.Tenant).Select(row => row.Tenant + row.Json).ToListAsync(cancel);
        var quotas = new List<CompiledQuota>();
        foreach (var row in stored.OrderBy(row => row.Id, StringComparer.Ordinal))
        {
            var quota = JsonSerializer.Deserialize<Quota>(row.Json, LedgerJson.Options)!;
            if (LimitOf(quota, plans) is not { } limit) continue;
            quotas.Add(new CompiledQuota(quotas.Count, row.Id, quota, limit, prices.ZoneOf(quota.Subject.Tenant ?? "")));
        }

        var books = string.Concat(prices.Tenants.Values.OrderBy(tenant => tenant.Id, StringComparer.Ordinal).Select(tenant => $"{tenant.Id}={tenant.PriceBook};"));
        return new QuotaCatalogue(quotas, prices, webhooks.ToHashSet(StringComparer.Ordinal), CompiledQuota.Hash(rules ?? ""), CompiledQuota.Hash(string.Concat(versions) + string.Concat(contracts) + books));
    }

    /// <summary>The limit that is given or that the plan has; null: the plan has none.</summary>
    public static decimal? LimitOf(Quota quota, IReadOnlyDictionary<string, QuotaPlan> plans)
    {
        if (quota.Plan is not { } named) return quota.Limit;
        var parts = named.Split('/', 2);
        return parts.Length == 2 && plans.TryGetValue(parts[0], out var plan) && plan.Limits.TryGetValue(parts[1], out var limit) ? limit : null;
    }

    /// <summary>Hash of all that decides what the quota's figures are, but for the usage: with another one they are counted anew.</summary>
    public string BasisOf(CompiledQuota quota)
    {
        var subject = quota.Document.Subject;
        return quota.Measured + (subject.Tenant is not null || quota.IsCost ? _rulesHash : "") + (quota.IsCost ? _pricesHash : "") + (subject.Tenant is not null ? quota.Zone.Id : "");
    }

    /// <summary>The quotas that a workload's usage of a bucket counts for.</summary>
    public QuotaSet Of(WorkloadEntry workload, OwnedInterval owner, long bucket)
    {
        var version = VersionAt(workload.Attributes, bucket);
        if (workload.Quotas is { } known && ReferenceEquals(known.Catalogue, this) && ReferenceEquals(known.Owner, owner) && ReferenceEquals(known.Version, version)) return known.Set;
        var found = new List<CompiledQuota>();
        foreach (var quota in _byTenant[owner.Tenant].Concat(_byHost[workload.Host]).Concat(_others))
        {
            if (quota.Counts(workload, owner, version)) found.Add(quota);
        }

        var set = SetOf(found);
        workload.Quotas = new QuotasOfWorkload(this, owner, version, set);
        return set;
    }

    // One for all who count for the same.
    private QuotaSet SetOf(List<CompiledQuota> quotas)
    {
        var key = string.Join(' ', quotas.Select(quota => quota.Index));
        lock (_sets)
        {
            if (!_sets.TryGetValue(key, out var set)) _sets[key] = set = new QuotaSet(quotas, Prices.Meters);
            return set;
        }
    }

    private static AttributeVersion VersionAt(AttributeHistory attributes, long bucket)
    {
        var versions = attributes.Versions;
        for (var i = versions.Count - 1; i > 0; i--)
        {
            if (versions[i].From <= bucket) return versions[i];
        }

        return versions[0];
    }
}
