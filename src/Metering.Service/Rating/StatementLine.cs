namespace Metering.Service.Rating;

/// <summary>One line of a tenant's period.</summary>
/// <param name="Kind">Why it is there.</param>
/// <param name="Text">In words, such as <c>cpuSeconds in Core-Hours</c>.</param>
/// <param name="Price">The price that it is for, and its tier; null for lines of the contract.</param>
/// <param name="Quantity">In <see cref="PriceLine.ChargeUnit"/>; null where there is no price.</param>
/// <param name="UnitPrice">Cost = quantity × unit price where there is one; on a discount the (negative) difference of contracted and list price.</param>
/// <param name="Cost">Exact, what is to pay before rounding.</param>
/// <param name="Rounded">To the currency's minor unit, half to even; the residue of all lines is in the line of kind Adjustment.</param>
/// <param name="Effective">What the line is worth where that is not what is to pay: the lapsed part of a commitment.</param>
internal sealed record StatementLine(ChargeKind Kind, string Text, (PriceLine Line, int Tier)? Price, decimal? Quantity, decimal? UnitPrice, Amount Cost, Amount Rounded, Amount? Effective = null)
{
    /// <summary>On a line of kind Tax: percent, and what it is on.</summary>
    public (decimal Rate, Amount Base)? Tax { get; init; }
}
