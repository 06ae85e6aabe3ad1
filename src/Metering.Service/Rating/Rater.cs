namespace Metering.Service.Rating;

/// <summary>
/// Prices rows in canonical order (bucket, workload), tenant by tenant. Pure: same input, same output. Every row of a tenant takes part, whatever is shown of it.
/// </summary>
/// <param name="traits">What prices select workloads by, by the ledger's id; asked only when some price selects.</param>
internal sealed class Rater(PriceCatalogue prices, TraitsHistory? traits = null)
{
    private readonly Dictionary<string, TenantRater> _tenants = new(StringComparer.Ordinal);
    private readonly TraitsHistory _traits = traits ?? TraitsHistory.Fixed(_ => WorkloadTraits.Unknown);

    public Rater(PriceCatalogue prices, Func<long, WorkloadTraits>? traits)
        : this(prices, traits is null ? null : TraitsHistory.Fixed(traits))
    {
    }

    /// <summary>The rating of one tenant under way.</summary>
    public TenantRater For(string tenant)
    {
        if (!_tenants.TryGetValue(tenant, out var rater)) _tenants[tenant] = rater = new TenantRater(tenant, prices, _traits);
        return rater;
    }
}
