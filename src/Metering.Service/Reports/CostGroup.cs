using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>A row of a cost report under way.</summary>
internal sealed class CostGroup(long start, long stop, string? currency, Facet facet)
{
    public Facet Facet => facet;

    public string? Currency => currency;

    /// <summary>Null until a price holds.</summary>
    public Amount? Cost { get; private set; }

    public SortedDictionary<string, Amount> Charges { get; } = new(StringComparer.Ordinal);

    public void Add(in Charge charge)
    {
        var cost = charge.Cost;
        Cost = (Cost ?? Amount.Zero) + cost;
        Charges[charge.Line.Name] = Charges.GetValueOrDefault(charge.Line.Name) + cost;
    }

    public CostRowView View() => new(UsageReport.At(start), UsageReport.At(stop), facet.Key, currency, Cost, Charges);
}
