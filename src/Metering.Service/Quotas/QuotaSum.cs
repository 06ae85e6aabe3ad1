using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>Rows of one bucket, and where minutes or costs count of one stretch of time and one tenant, added up for a set of quotas.</summary>
internal sealed class QuotaSum(QuotaSet set, long bucket, OwnedInterval owner, long from, long to, int sign)
{
    private readonly Int128[] _values = new Int128[MeterCatalogue.All.Count];

    public QuotaSet Set => set;

    public long Bucket => bucket;

    public string Tenant => owner.Tenant;

    /// <summary>When it was used, Unix microseconds.</summary>
    public long From => from;

    public long To => to;

    /// <summary>−1: it is taken away.</summary>
    public int Sign => sign;

    /// <summary>Bit per meter that a row knew.</summary>
    public int Known { get; private set; }

    /// <summary>Of those who have reserved CPU: how long they waited for it, and how long they were there; microseconds.</summary>
    public Int128 Waited { get; private set; }

    public Int128 Reserved { get; private set; }

    public Int128 this[Meter meter] => _values[meter.Index];

    public bool Has(Meter meter) => (Known & (1 << meter.Index)) != 0;

    public bool Takes(UsageRow row, OwnedInterval its, int signed) =>
        row.Bucket == bucket && signed == sign && (!set.HasMinutes || (row.From == from && row.To == to)) && (!set.HasCost || ReferenceEquals(its, owner) || its.Tenant == owner.Tenant);

    public void Add(UsageRow row)
    {
        foreach (var meter in set.Meters)
        {
            if ((row.Known & (1 << meter.Index)) == 0) continue;
            ref var value = ref _values[meter.Index];
            value = meter.Kind == MeterKind.Peak ? Int128.Max(value, row.Values[meter.Index]) : value + row.Values[meter.Index];
        }

        Known |= row.Known;
        if (set.HasStarved) AddWaiting(row);
    }

    // Throttled time and pressure overlap, so the larger counts.
    private void AddWaiting(UsageRow row)
    {
        if (Of(MeterCatalogue.CpuReserved) is not > 0 || (Of(MeterCatalogue.CpuThrottled) ?? Of(MeterCatalogue.CpuPressure)) is null) return;
        var there = Of(MeterCatalogue.Lifetime) is { } lived and > 0 ? lived : row.To - row.From;
        Waited += Math.Min(Math.Max(Of(MeterCatalogue.CpuThrottled) ?? 0, Of(MeterCatalogue.CpuPressure) ?? 0), there);
        Reserved += there;

        long? Of(Meter meter) => (row.Known & (1 << meter.Index)) != 0 ? row.Values[meter.Index] : null;
    }
}
