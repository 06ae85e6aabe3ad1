using System.Runtime.InteropServices;

namespace Metering.Service.Rating;

/// <summary>What one row of usage adds to one tier of one price.</summary>
/// <param name="Nano">Quantity in 10⁻⁹ of the charge unit; negative where a volume tier gives up what the next one takes over.</param>
/// <param name="Base">What was counted, in base units; on the row's first tier only.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Charge(PriceLine Line, int Tier, Int128 Nano, long Base)
{
    public Amount Cost => Amount.Of(Nano, Line.Prices[Tier]);

    public decimal Quantity => new Amount(checked(Nano * PriceLine.PriceScale)).ToDecimal();
}
