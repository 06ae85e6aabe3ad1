namespace Metering.Service.Rating;

/// <summary>Terms that hold from an instant to another, exclusive.</summary>
public sealed record ContractTerms
{
    public DateTimeOffset? ValidFrom { get; init; }

    /// <summary>Left out: until further notice.</summary>
    public DateTimeOffset? ValidTo { get; init; }

    /// <summary>The price book instead of the tenant's own.</summary>
    public string? PriceBook { get; init; }

    /// <summary>Percent off every price, 0 to 100. The contracted price is the price less this, rounded half to even to 10 places: the price that the tenant pays.</summary>
    public decimal? Discount { get; init; }

    /// <summary>What a period costs at least. For terms that hold for a part of a period: that part of it, by time.</summary>
    public decimal? Minimum { get; init; }

    /// <summary>What is bought in advance for each period and used up by its charges; what is left at its end lapses. In parts of a period as the minimum.</summary>
    public decimal? Commitment { get; init; }

    /// <summary>Percent of tax on the sum of the lines, 0 to 100; left out: no tax row.</summary>
    public decimal? TaxRate { get; init; }

    /// <summary>What the tax is called, such as <c>VAT</c>; left out: <c>Tax</c>.</summary>
    public string? TaxName { get; init; }

    /// <summary><c>prices</c> (or left out): usage at the price book. <c>allocation</c>: the tenant's share of what the hosts cost, instead.</summary>
    public string? Model { get; init; }

    /// <summary>What is credited for reserved CPU that was waited for; left out: nothing. Not less for a commitment or a minimum, and at most what these terms charge.</summary>
    public ServiceCredit? ServiceCredit { get; init; }

    internal long FromSeconds => ValidFrom?.ToUnixTimeSeconds() ?? 0;

    internal long ToSeconds => ValidTo?.ToUnixTimeSeconds() ?? long.MaxValue;

    /// <summary>What the tenant pays for a price, in 10⁻¹⁰ of the currency.</summary>
    internal static long Contracted(long priceUnits, decimal discount)
    {
        // 100 − d as a whole number of 10⁻⁶ percent, so that the product is exact.
        var share = (Int128)((100m - discount) * 1_000_000m);
        var (quotient, rest) = Int128.DivRem(priceUnits * share, 100_000_000);
        if (rest * 2 > 100_000_000 || (rest * 2 == 100_000_000 && Int128.IsOddInteger(quotient))) quotient++;
        return (long)quotient;
    }
}
