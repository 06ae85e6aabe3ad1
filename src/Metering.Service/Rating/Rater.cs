namespace Metering.Service.Rating;

/// <summary>
/// Prices rows in canonical order (bucket, workload). The quantity of (tenant, SKU, period) is cumulative and rounded to 9 places; a row's quantity is the difference of two cumulatives,
/// so any split of a period gives the same total, and price × quantity is a finite product. Pure: same input, same output.
/// </summary>
internal sealed class Rater(PriceCatalogue prices)
{
    private const int Places = 9;
    private readonly Dictionary<(string Tenant, string Sku), (long Period, decimal BaseUnits)> _cumulative = [];

    /// <summary>Usage of the period before the first row, in base units.</summary>
    public void Start(string tenant, string sku, long period, decimal baseUnits) => _cumulative[(tenant, sku)] = (period, baseUnits);

    /// <summary>The price lines that apply, and the exact charge of each.</summary>
    public void Rate(string tenant, long bucket, ReadOnlySpan<decimal?> quantities, List<(PriceLine Line, decimal Quantity, decimal Cost)> charges)
    {
        charges.Clear();
        foreach (var line in prices.For(tenant, bucket))
        {
            if (quantities[line.Meter.Index] is not { } used) continue;
            var period = prices.PeriodStart(tenant, bucket);
            var (known, before) = _cumulative.GetValueOrDefault((tenant, line.Sku), (period, 0m));
            if (known != period) before = 0;
            var after = before + used;
            _cumulative[(tenant, line.Sku)] = (period, after);
            var quantity = InUnits(after, line) - InUnits(before, line);
            charges.Add((line, quantity, quantity * line.PerUnit));
        }
    }

    /// <summary>A cumulative quantity in the pricing unit.</summary>
    public static decimal InUnits(decimal baseUnits, PriceLine line) => Math.Round(baseUnits / line.BaseUnits, Places, MidpointRounding.ToEven);
}
