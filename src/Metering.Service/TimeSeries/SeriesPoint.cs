using Metering.Meters;

namespace Metering.Service.TimeSeries;

/// <summary>What one batch bills to one workload in one bucket.</summary>
internal sealed class SeriesPoint
{
    private readonly long[] _values = new long[MeterCatalogue.All.Count];
    private int _known;

    public void Add(Meter meter, long quantity)
    {
        _known |= 1 << meter.Index;
        ref var value = ref _values[meter.Index];

        // The format has 63 bits; what passes them is shown as the most there is. The ledger refuses such sums.
        value = meter.Kind == MeterKind.Peak ? Math.Max(value, quantity) : quantity > long.MaxValue - value ? long.MaxValue : value + quantity;
    }

    /// <summary>Meters that are known, with their quantities in base units.</summary>
    public IEnumerable<(Meter Meter, long Quantity)> Quantities => MeterCatalogue.All.Where(meter => (_known & (1 << meter.Index)) != 0).Select(meter => (meter, _values[meter.Index]));
}
