using System.Globalization;
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
    // Stands for owners that were given: what was found for one of those is not for a workload's own.
    private static readonly IReadOnlyList<OwnedInterval> Given = [OwnedInterval.Unattributed];

    private readonly ILookup<string, CompiledQuota> _byTenant;
    private readonly ILookup<string, CompiledQuota> _byHost;
    private readonly CompiledQuota[] _others;
    private readonly Dictionary<string, QuotaSet> _sets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (long From, long Until, (PriceLine Line, string Component)[] Lines)> _priced = new(StringComparer.Ordinal);
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

    /// <summary>Some figures are being counted anew: who adds usage asks how far, see <see cref="QuotaCount"/>.</summary>
    public bool IsCounting { get; private init; }

    /// <param name="isWhole">False for who sees one tenant only: without webhooks and rules, so that it is no basis for counting.</param>
    public static async Task<QuotaCatalogue> LoadAsync(MeteringContext context, CancellationToken cancel, bool isWhole = true)
    {
        var stored = await context.Set<StoredQuota>().AsNoTracking().ToListAsync(cancel);
        var plans = (await context.Set<StoredQuotaPlan>().AsNoTracking().ToListAsync(cancel)).ToDictionary(row => row.Id, row => JsonSerializer.Deserialize<QuotaPlan>(row.Json, LedgerJson.Options)!, StringComparer.Ordinal);
        var webhooks = !isWhole ? [] : await context.Set<Webhook>().AsNoTracking().Select(webhook => webhook.Id).ToListAsync(cancel);
        var prices = await PriceCatalogue.LoadAsync(context, cancel);
        var rules = !isWhole ? null : await context.Set<StoredRules>().AsNoTracking().Select(row => row.Json).FirstOrDefaultAsync(cancel);
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
        var counting = await context.Database.SqlQueryRaw<int>("SELECT CASE WHEN EXISTS (SELECT 1 FROM quota_counting) THEN 1 ELSE 0 END AS \"Value\"").FirstAsync(cancel);
        return new QuotaCatalogue(quotas, prices, webhooks.ToHashSet(StringComparer.Ordinal), CompiledQuota.Hash(rules ?? ""), CompiledQuota.Hash(string.Concat(versions) + string.Concat(contracts) + books)) { IsCounting = counting == 1 };
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
        return quota.Measured + (subject.Tenant is not null || quota.IsCost ? _rulesHash : "") + (quota.IsCost ? _pricesHash : "") + (subject.Tenant is not null ? quota.Zone.Id : "") +
            (subject.Tenant is not null && quota.Document.Window == "hour" ? "@" : ""); // hours were those of UTC before
    }

    /// <summary>The quotas that a workload's usage of a bucket counts for, and whose it is.</summary>
    public QuotasOfWorkload Of(WorkloadEntry workload, long bucket)
    {
        if (workload.Quotas is { } known && known.Holds(this, workload.Owners, workload, bucket)) return known;
        var owner = workload.OwnerAt(bucket);

        // Between the intervals of owners nobody knows how long nobody owns it.
        return workload.Quotas = ReferenceEquals(owner, OwnedInterval.Unattributed) ? Find(workload, workload.Owners, owner, bucket, bucket + 1, bucket) : Find(workload, workload.Owners, owner, owner.From, owner.To, bucket);
    }

    /// <summary>The same for an owner that is given.</summary>
    public QuotasOfWorkload Of(WorkloadEntry workload, OwnedInterval owner, long bucket)
    {
        if (workload.Quotas is { } known && ReferenceEquals(known.Owner, owner) && known.Holds(this, Given, workload, bucket)) return known;
        return workload.Quotas = Find(workload, Given, owner, long.MinValue, long.MaxValue, bucket);
    }

    private QuotasOfWorkload Find(WorkloadEntry workload, IReadOnlyList<OwnedInterval> owners, OwnedInterval owner, long from, long to, long bucket)
    {
        var (since, until, version) = workload.Attributes.Intervals().First(interval => bucket < interval.To);
        return new QuotasOfWorkload(this, owners, workload.Attributes.Versions, Math.Max(from, since), Math.Min(to, until), owner, SetOf(workload, owner, version));
    }

    private QuotaSet SetOf(WorkloadEntry workload, OwnedInterval owner, AttributeVersion version)
    {
        var found = new List<CompiledQuota>();
        foreach (var quota in _byTenant[owner.Tenant].Concat(_byHost[workload.Host]).Concat(_others))
        {
            if (quota.Counts(workload, owner, version)) found.Add(quota);
        }

        return SetOf(found);
    }

    /// <summary>What counts for the cost of a tenant's bucket, as <see cref="CostQuotaGuard"/> lets pass: usage or reservation alone, so that growth adds up; and the component that it is kept under.</summary>
    public (PriceLine Line, string Component)[] Priced(string tenant, long bucket)
    {
        lock (_priced)
        {
            if (_priced.TryGetValue(tenant, out var known) && bucket >= known.From && bucket < known.Until) return known.Lines;
            var (prices, until) = Prices.At(tenant, bucket);
            (PriceLine, string)[] lines = [.. (prices?.Lines ?? []).Where(line => line.Meter is not null && line.Basis != PriceBasis.Larger).DistinctBy(line => Prices.AsksTraits ? line.Sku : line.Name)
                .Select(line => (line, string.Create(CultureInfo.InvariantCulture, $"{tenant}\u001f{line.Book}\u001f{line.Version}\u001f{line.Sku}")))];
            _priced[tenant] = (bucket, until, lines);
            return lines;
        }
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
}
