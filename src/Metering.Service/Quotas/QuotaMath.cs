using System.Globalization;
using Metering.Meters;
using Metering.Service.Rating;

namespace Metering.Service.Quotas;

/// <summary>From the figures of a quota to a value in the unit of its limit. Pure.</summary>
internal static class QuotaMath
{
    public static readonly Int128 Carry = 1_000_000_000_000_000_000;

    /// <summary>Decimal places of rates and forecasts.</summary>
    public const int Places = 9;

    /// <summary>Beyond every threshold that a quota may have. Figures are told up to here: a ledger goes on whatever is used, and a decimal ends where 128 bits do not.</summary>
    public const decimal Largest = 1e22m;

    /// <summary>As it is stored: high·10¹⁸ + low, low never negative.</summary>
    public static (long High, long Low) Split(Int128 value)
    {
        if (value >= 0 && value < Carry) return (0, (long)value);
        var high = value / Carry;
        var low = value - high * Carry;
        if (low < 0) (high, low) = (high - 1, low + Carry);
        return (checked((long)high), (long)low);
    }

    public static Int128 Join(long high, long low) => high * Carry + low;

    /// <summary>What was used, in the unit of the limit. A cost is that of the cumulative quantity of each SKU of a tenant, cut by the versions in their order, as a charge is.</summary>
    public static decimal Used(CompiledQuota quota, IReadOnlyDictionary<string, Int128> figures, PriceCatalogue prices)
    {
        if (quota.IsCost) return Cost(figures, prices);
        var whole = figures.GetValueOrDefault(QuotaUse.Whole);
        return quota.Meter is { } meter ? Shown(meter, whole) : 0;
    }

    /// <summary>In the unit of the limit, at most <see cref="Largest"/>.</summary>
    public static decimal Shown(Meter meter, Int128 baseUnits) => baseUnits >= (Int128)Largest * meter.Scale ? Largest : meter.Show((decimal)baseUnits);

    /// <summary>Used in a minute, as a rate in the unit of the limit: by the second, of cost by the hour, of waiting in percent; null: it has none.</summary>
    public static decimal? Rate(CompiledQuota quota, IReadOnlyDictionary<string, Int128> minute, PriceCatalogue prices)
    {
        if (!quota.IsStarved) return quota.IsCost ? Used(quota, minute, prices) * 60 : Math.Round(Used(quota, minute, prices) / 60, Places);
        var reserved = (decimal)minute.GetValueOrDefault(QuotaUse.Reserved);
        return reserved == 0 ? null : Math.Round((decimal)minute.GetValueOrDefault(QuotaUse.Waited) * 100 / reserved, Places);
    }

    /// <summary>Several figures as one: sums, or the largest of peaks.</summary>
    public static Dictionary<string, Int128> Merge(CompiledQuota quota, IEnumerable<QuotaFigure> figures)
    {
        var merged = new Dictionary<string, Int128>(StringComparer.Ordinal);
        foreach (var figure in figures)
        {
            var known = merged.GetValueOrDefault(figure.Component);
            merged[figure.Component] = quota.IsPeak ? Int128.Max(known, figure.Used) : checked(known + figure.Used);
        }

        return merged;
    }

    private static decimal Cost(IReadOnlyDictionary<string, Int128> figures, PriceCatalogue prices)
    {
        var lines = new List<(string Tenant, PriceLine Line, long From, Int128 Used)>();
        foreach (var (component, used) in figures)
        {
            if (component.Length == 0 || used == 0) continue;
            var parts = component.Split('\u001f');
            var version = prices.Book(parts[1]).FirstOrDefault(validity => validity.Version == int.Parse(parts[2], CultureInfo.InvariantCulture));
            if (version?.Lines.FirstOrDefault(line => line.Sku == parts[3]) is { } line) lines.Add((parts[0], line, version.From, used));
        }

        try
        {
            return CostOf(lines).ToNearest();
        }
        catch (OverflowException)
        {
            // More than 1.7·10¹⁹: see Largest.
            return Largest;
        }
    }

    private static Amount CostOf(List<(string Tenant, PriceLine Line, long From, Int128 Used)> lines)
    {
        var cost = Amount.Zero;
        var charges = new List<Charge>();
        foreach (var sku in lines.GroupBy(one => (one.Tenant, one.Line.Sku)))
        {
            var cumulative = new Cumulative(sku.First().Line.Unit.BaseUnits);
            charges.Clear();
            foreach (var (_, line, _, used) in sku.OrderBy(one => one.From)) cumulative.AddSum(line, used, charges);
            foreach (var charge in charges) cost += charge.Cost;
        }

        return cost;
    }
}
