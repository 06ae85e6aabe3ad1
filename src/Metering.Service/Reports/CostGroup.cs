using System.Runtime.InteropServices;
using Metering.Meters;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>A row of a cost report under way.</summary>
internal sealed class CostGroup(long start, long stop, string? currency, Facet facet)
{
    private readonly SortedDictionary<string, Amount> _charges = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string? Unit, Int128 Nano)> _quantities = new(StringComparer.Ordinal);
    private readonly List<(PriceLine Line, int Tier, Int128 Nano)> _sums = [];
    private Dictionary<string, (Int128 Used, Int128 Reserved)>? _idle;
    private Amount? _cost;

    public Facet Facet => facet;

    public string? Currency => currency;

    public void Add(in Charge charge)
    {
        var (cost, name) = (charge.Cost, charge.Line.Name);
        _cost = (_cost ?? Amount.Zero) + cost;
        _charges[name] = _charges.GetValueOrDefault(name) + cost;
        var (unit, nano) = _quantities.GetValueOrDefault(name, (charge.Line.ChargeUnit, (Int128)0));
        _quantities[name] = (unit == charge.Line.ChargeUnit ? unit : null, nano + charge.Nano);
    }

    /// <summary>A sum of charges of one price and tier: they are added up before they are priced.</summary>
    public void Add(PriceLine line, int tier, Int128 nano)
    {
        foreach (ref var sum in CollectionsMarshal.AsSpan(_sums))
        {
            if (!ReferenceEquals(sum.Line, line) || sum.Tier != tier) continue;
            sum.Nano += nano;
            return;
        }

        _sums.Add((line, tier, nano));
    }

    /// <summary>Usage and reservation of a meter, where both are known.</summary>
    public void AddIdle(Meter meter, Int128 used, Int128 reserved)
    {
        _idle ??= new Dictionary<string, (Int128 Used, Int128 Reserved)>(StringComparer.Ordinal);
        var (before, booked) = _idle.GetValueOrDefault(meter.Name);
        _idle[meter.Name] = (before + used, booked + reserved);
    }

    public CostRowView View(CostExtras extras)
    {
        foreach (var (line, tier, nano) in _sums) Add(new Charge(line, tier, nano, 0));
        _sums.Clear();
        return Shown(extras);
    }

    private CostRowView Shown(CostExtras extras) => new(UsageReport.At(start), UsageReport.At(stop), facet.Key, currency, _cost, _charges)
    {
        UnitCosts = !extras.HasFlag(CostExtras.UnitCosts) ? null : _quantities.Where(pair => pair.Value.Unit is not null && pair.Value.Nano > 0)
            .ToDictionary(pair => pair.Key, pair => new UnitCost(pair.Value.Unit!, PerUnit(_charges[pair.Key], pair.Value.Nano)), StringComparer.Ordinal),
        IdleShares = !extras.HasFlag(CostExtras.Idle) ? null : (_idle ?? []).Where(pair => pair.Value.Reserved > 0)
            .ToDictionary(pair => pair.Key, pair => Math.Round((decimal)(pair.Value.Reserved - pair.Value.Used) / (decimal)pair.Value.Reserved, 6), StringComparer.Ordinal),
    };

    // 10⁻¹⁹ of the currency by 10⁻⁹ units are 10⁻¹⁰ of the currency a unit.
    private static decimal PerUnit(Amount cost, Int128 nano)
    {
        var (quotient, rest) = Int128.DivRem(cost.Units, nano);
        return (decimal)(rest * 2 >= nano ? quotient + 1 : quotient) / PriceLine.PriceScale;
    }
}
