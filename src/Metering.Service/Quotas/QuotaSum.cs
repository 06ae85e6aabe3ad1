using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Service.Quotas;

/// <summary>Rows of one bucket, and where minutes or costs count of one stretch of time and one tenant, added up for a set of quotas.</summary>
internal sealed class QuotaSum(QuotaSet set, long bucket, OwnedInterval owner, long from, long to, int sign)
{
    // A sum is what has passed 64 bits, and the rest: adding 64 bits to 128 takes several times as long, and few sums ever pass.
    private readonly long[] _values = new long[MeterCatalogue.All.Count];
    private Int128[]? _passed;

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

    public Int128 this[Meter meter] => _values[meter.Index] + (_passed?[meter.Index] ?? 0);

    public bool Has(Meter meter) => (Known & (1 << meter.Index)) != 0;

    public bool Takes(UsageRow row, OwnedInterval its, int signed) =>
        row.Bucket == bucket && signed == sign && (!set.HasMinutes || (row.From == from && row.To == to)) && (!set.HasCost || ReferenceEquals(its, owner) || its.Tenant == owner.Tenant);

    public void Add(UsageRow row)
    {
        var values = row.Values;
        foreach (var i in set.Sums)
        {
            // What is not known is 0 in the row.
            var (known, added) = (_values[i], values[i]);
            var sum = unchecked(known + added);
            if (((known ^ sum) & (added ^ sum)) < 0)
            {
                (_passed ??= new Int128[_values.Length])[i] += known;
                sum = added;
            }

            _values[i] = sum;
        }

        foreach (var i in set.Peaks) _values[i] = Math.Max(_values[i], values[i]);
        Known |= row.Known;
        if (set.HasStarved) AddWaiting(row);
    }

    private void AddWaiting(UsageRow row)
    {
        if (CpuWait.Of(row.Values, row.Known, row.To - row.From) is { } wait) (Waited, Reserved) = (Waited + wait.Waited, Reserved + wait.There);
    }
}
