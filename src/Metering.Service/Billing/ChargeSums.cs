using System.Data.Common;
using Metering.Service.Tenants;

namespace Metering.Service.Billing;

/// <summary>What is charged for one period so far, over the closing and all corrections, by what is charged. State: what has not been compared yet.</summary>
internal sealed class ChargeSums
{
    private readonly Dictionary<ChargeEntry.Identity, ChargeEntry> _sums = [];

    public static async Task<ChargeSums> ReadAsync(DbConnection connection, BillingPeriod origin, CancellationToken cancel)
    {
        var sums = new ChargeSums();
        await foreach (var charge in ChargeStore.ReadAsync(connection, "origin = @value", origin.ToString(), cancel))
        {
            sums._sums[charge.Key] = !sums._sums.TryGetValue(charge.Key, out var known) ? charge : known with
            {
                Nano = known.Nano + charge.Nano,
                Base = known.Base + charge.Base,
                Used = Sum(known.Used, charge.Used),
                Reserved = Sum(known.Reserved, charge.Reserved),
                From = Math.Min(known.From, charge.From),
                To = Math.Max(known.To, charge.To),
            };
        }

        return sums;
    }

    /// <summary>What a charge is more, or less, than what is charged; null: nothing.</summary>
    public ChargeEntry? Take(ChargeEntry charge)
    {
        if (!_sums.Remove(charge.Key, out var known)) return charge.Nano == 0 && charge.Base == 0 ? null : charge;
        var difference = charge with { Nano = charge.Nano - known.Nano, Base = charge.Base - known.Base, Used = Sum(charge.Used, -known.Used), Reserved = Sum(charge.Reserved, -known.Reserved) };
        return difference.Nano == 0 && difference.Base == 0 ? null : difference;
    }

    /// <summary>What is charged and should no longer be.</summary>
    public IEnumerable<ChargeEntry> Gone() => _sums.Values.Where(known => known.Nano != 0 || known.Base != 0).Select(known => known with { Nano = -known.Nano, Base = -known.Base, Used = -known.Used, Reserved = -known.Reserved });

    private static Int128? Sum(Int128? a, Int128? b) => a is null ? b : b is null ? a : a + b;
}
