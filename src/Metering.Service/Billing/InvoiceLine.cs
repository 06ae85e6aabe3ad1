using Metering.Service.Rating;

namespace Metering.Service.Billing;

/// <summary>One line of an invoice or a note.</summary>
/// <param name="Kind">Why it is there: <c>usage</c>, <c>allocation</c>, <c>discount</c>, <c>minimum</c>, <c>commitmentPurchase</c>, <c>commitmentUsed</c>, <c>commitmentUnused</c>, <c>serviceCredit</c>, <c>adjustment</c>, <c>tax</c>, <c>creditDrawn</c>, <c>prepaidDrawn</c>.</param>
/// <param name="Tier">From 0; absent on lines without a price, as are book, version, quantity, unit and unit price.</param>
/// <param name="Cost">Exact, with as many digits as it takes; quantity × unit price where there is one.</param>
/// <param name="Amount">Rounded to the currency's minor unit; the residue of all lines is in the one of kind <c>adjustment</c>.</param>
/// <param name="Effective">What the line is worth where that is not what is to pay.</param>
public sealed record InvoiceLine(
    string Kind, string Text, string? Book, int? Version, int? Tier, decimal? TierFrom, decimal? TierTo, decimal? Quantity, string? Unit, decimal? UnitPrice, Amount Cost, decimal Amount, decimal? Effective)
{
    /// <summary>Percent, on a line of kind <c>tax</c>.</summary>
    public decimal? TaxRate { get; init; }

    /// <summary>What the tax is on; the sum of the lines above, or its part that this rate holds for.</summary>
    public decimal? TaxBase { get; init; }

    internal (string, string, string?, int?, int?, decimal?) Key => (Kind, Text, Book, Version, Tier, UnitPrice);

    internal bool IsZero => Cost == Rating.Amount.Zero && Amount == 0 && (Quantity ?? 0) == 0 && (Effective ?? 0) == 0 && (TaxBase ?? 0) == 0;

    internal bool IsDraw => Kind is "creditDrawn" or "prepaidDrawn";

    internal static InvoiceLine Of(StatementLine line) => new(
        Name(line.Kind), line.Text, line.Price?.Line.Book, line.Price?.Line.Version, line.Price?.Tier, line.Price?.Line.TierFrom(line.Price.Value.Tier), line.Price?.Line.TierTo(line.Price.Value.Tier),
        line.Quantity, line.Price?.Line.ChargeUnit, line.UnitPrice, line.Cost, line.Rounded.ToDecimal(), line.Effective?.ToDecimal()) { TaxRate = line.Tax?.Rate, TaxBase = line.Tax?.Base.ToDecimal() };

    private static string Name(ChargeKind kind) => char.ToLowerInvariant(kind.ToString()[0]) + kind.ToString()[1..];
}
