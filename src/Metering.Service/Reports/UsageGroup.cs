using Metering.Meters;

namespace Metering.Service.Reports;

/// <summary>A row of a usage report under way.</summary>
/// <param name="workload">The ledger's id of the first workload in it: rows by workload are in its order.</param>
internal sealed class UsageGroup(long start, long stop, Facet facet, long workload, IReadOnlyList<Meter> meters)
{
    private readonly Int128[] _sums = new Int128[meters.Count];
    private readonly bool[] _known = new bool[meters.Count];

    public long Start => start;

    public long Stop => stop;

    public Facet Facet => facet;

    public long Workload => workload;

    /// <summary>CPU microseconds.</summary>
    public Int128 Estimated { get; set; }

    /// <summary>CPU microseconds.</summary>
    public Int128 Unscraped { get; set; }

    /// <param name="meter">Its place among the meters of the report.</param>
    public void Add(int meter, Int128 value)
    {
        _sums[meter] = meters[meter].Kind == MeterKind.Peak ? Int128.Max(_sums[meter], value) : _sums[meter] + value;
        _known[meter] = true;
    }

    /// <summary>Null: not known.</summary>
    public Int128? Of(int meter) => _known[meter] ? _sums[meter] : null;
}
