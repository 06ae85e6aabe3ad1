using System.Data.Common;
using System.Runtime.InteropServices;
using Metering.Service.Tenants;
using Metering.Service.Verification;

namespace Metering.Service.Billing;

/// <summary>What is charged for one period so far, over the closing and all corrections, by what is charged; by the million, so each is packed. State: what has not been compared yet.</summary>
internal sealed class ChargeSums
{
    /// <summary>A heading without what tells documents apart.</summary>
    private readonly record struct Identity(string Tenant, string Sku, string Book, int Version, int Tier, long? TermsFrom, string Currency, long Price);

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Key(int Heading, int Day, long Workload);

    [StructLayout(LayoutKind.Auto)]
    private struct Sum
    {
        public Rest? Rest;
        public long Nano, Base, From, To;
    }

    // What few have: terms of a reservation, numbers that 64 bits do not hold.
    private sealed record Rest(Int128 Nano, Int128 Base, Int128? Used, Int128? Reserved);

    private static readonly Rest Nothing = new(0, 0, null, null);
    private readonly Dictionary<Key, Sum> _sums;
    private readonly Dictionary<ChargeHeading, int> _seen = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Identity, int> _known = [];
    private readonly List<ChargeHeading> _headings = [];
    private readonly Dictionary<string, int> _dayOf = new(StringComparer.Ordinal);
    private readonly List<string> _days = [];

    private ChargeSums(int capacity) => _sums = new Dictionary<Key, Sum>(capacity);

    public static async Task<ChargeSums> ReadAsync(DbConnection connection, BillingPeriod origin, CancellationToken cancel)
    {
        // As large as it will be at once: growing keeps an old copy beside the new one.
        await using var command = VerifyRun.Command(connection, "SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM charge WHERE origin = @origin GROUP BY period) AS periods", ("@origin", origin.ToString()));
        var sums = new ChargeSums((int)Math.Min(Convert.ToInt64(await command.ExecuteScalarAsync(cancel), System.Globalization.CultureInfo.InvariantCulture), 1 << 24));
        await foreach (var charge in ChargeStore.ReadAsync(connection, "origin = @value", origin.ToString(), cancel)) sums.Add(charge);
        return sums;
    }

    /// <summary>What a charge is more, or less, than what is charged; null: nothing.</summary>
    public ChargeEntry? Take(ChargeEntry charge)
    {
        if (!_sums.Remove(KeyOf(charge), out var known)) return charge.Nano == 0 && charge.Base == 0 ? null : charge;
        var rest = Of(known);
        var difference = charge with { Nano = charge.Nano - rest.Nano, Base = charge.Base - rest.Base, Used = Plus(charge.Used, -rest.Used), Reserved = Plus(charge.Reserved, -rest.Reserved) };
        return difference.Nano == 0 && difference.Base == 0 ? null : difference;
    }

    /// <summary>What is charged and should no longer be, with the heading of whichever was charged first.</summary>
    public IEnumerable<ChargeEntry> Gone()
    {
        foreach (var (key, known) in _sums)
        {
            var rest = Of(known);
            if (rest.Nano == 0 && rest.Base == 0) continue;
            yield return new ChargeEntry(_headings[key.Heading], _days[key.Day], key.Workload, -rest.Nano, -rest.Base, known.From, known.To) { Used = -rest.Used, Reserved = -rest.Reserved };
        }
    }

    private void Add(ChargeEntry charge)
    {
        ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(_sums, KeyOf(charge), out var exists);
        var known = exists ? Of(sum) : Nothing;
        var rest = new Rest(known.Nano + charge.Nano, known.Base + charge.Base, Plus(known.Used, charge.Used), Plus(known.Reserved, charge.Reserved));
        (sum.Nano, sum.Base) = (unchecked((long)rest.Nano), unchecked((long)rest.Base));
        sum.Rest = rest is { Used: null, Reserved: null } && sum.Nano == rest.Nano && sum.Base == rest.Base ? null : rest;
        (sum.From, sum.To) = exists ? (Math.Min(sum.From, charge.From), Math.Max(sum.To, charge.To)) : (charge.From, charge.To);
    }

    private Key KeyOf(ChargeEntry charge)
    {
        var heading = charge.Heading;
        if (!_seen.TryGetValue(heading, out var at))
        {
            var identity = new Identity(heading.Tenant, heading.Sku, heading.Book, heading.Version, heading.Tier, heading.TermsFrom, heading.Currency, heading.Price);
            if (!_known.TryGetValue(identity, out at))
            {
                _known[identity] = at = _headings.Count;
                _headings.Add(heading);
            }

            _seen[heading] = at;
        }

        if (!_dayOf.TryGetValue(charge.Day, out var day))
        {
            _dayOf[charge.Day] = day = _days.Count;
            _days.Add(charge.Day);
        }

        return new Key(at, day, charge.Workload);
    }

    private static Rest Of(in Sum sum) => sum.Rest ?? new Rest(sum.Nano, sum.Base, null, null);

    private static Int128? Plus(Int128? a, Int128? b) => a is null ? b : b is null ? a : a + b;
}
