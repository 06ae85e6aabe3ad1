using System.Runtime.InteropServices;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>Rates stored usage anew and writes it hour by hour. Where buckets are shorter, those of an hour of the tenant's day are one row. State: the hour under way of each tenant, when buckets are shorter.</summary>
internal sealed class FocusHours(FocusPeriod period, FocusDays days, FocusResources resources, FocusWriter writer, FocusCsv csv)
{
    private const long Hour = 3600;

    /// <summary>About how many hours with usage that many rows of usage are, between two instants (Unix seconds): where buckets are shorter than an hour, several of them are one.</summary>
    public static long Expected(long usageRows, LedgerGrain grain, long from, long to)
    {
        var fine = Math.Clamp(to - Math.Max(from, grain.FineFrom), 0, to - from);
        var buckets = (decimal)(to - from - fine) / grain.Coarse + (decimal)fine / Math.Min(LedgerGrain.Fine, grain.Coarse);
        var hours = (decimal)(to - from) / Math.Max(Hour, grain.Coarse);
        return buckets <= hours ? usageRows : (long)Math.Ceiling(usageRows * hours / buckets);
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Sum
    {
        public Int128 Nano, Base;
        public Int128? Used, Reserved;
    }

    /// <summary>Where the rows of a price go: found once for each price and terms.</summary>
    private sealed record Place(FocusBill Bill, FocusLine Line, FocusSku Sku);

    private sealed class Tenant
    {
        public Dictionary<(PriceLine Line, int Tier, ContractTerms? Terms), Place> Places { get; } = [];

        public Dictionary<(long Workload, PriceLine Line, int Tier, ContractTerms? Terms), Sum> Open { get; } = [];

        public (long Start, long End) Slot { get; set; }

        public ContractTerms? Terms { get; set; }
    }

    private readonly Dictionary<string, Tenant> _tenants = new(StringComparer.Ordinal);
    private readonly List<Charge> _charges = [];

    public async Task WriteAsync(Rater rater, long from, long to, CancellationToken cancel)
    {
        await UsageStream.ReadAsync(period.View.Connection, from, to, (tenant, bucket, workload, values, known) =>
        {
            if (!period.Prices.Tenants.ContainsKey(tenant) || (period.Request.Tenant is not null && period.Request.Tenant != tenant)) return;
            var account = period.AccountOf(tenant);
            if (bucket >= account.Start && bucket < account.End) Rate(rater.For(tenant), bucket, workload, values, known);
        }, cancel, () => csv.IsFull ? csv.FlushAsync(cancel) : default);
        foreach (var (tenant, open) in _tenants) Flush(tenant, open);
    }

    private void Rate(TenantRater rater, long bucket, long workload, ReadOnlySpan<long> values, int known)
    {
        _charges.Clear();
        var seconds = period.Grain.LengthAt(bucket);
        rater.Rate(bucket, seconds, workload, values, known, _charges);
        if (_charges.Count == 0 || !days.Has(rater)) return;
        if (!_tenants.TryGetValue(rater.Tenant, out var tenant)) _tenants[rater.Tenant] = tenant = new Tenant();
        var start = rater.Day.Start + (bucket - rater.Day.Start) / Hour * Hour;
        if (seconds < Hour) Enter(rater, tenant, bucket, start);

        foreach (ref readonly var charge in CollectionsMarshal.AsSpan(_charges))
        {
            if (charge.Nano == 0 && charge.Base == 0) continue;
            var (used, reserved) = Terms(charge, values, known);
            if (seconds >= Hour)
            {
                Write(rater.Tenant, tenant, charge.Line, charge.Tier, rater.Terms, workload, bucket, bucket + seconds, charge.Nano, charge.Base, used, reserved);
                continue;
            }

            ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(tenant.Open, (workload, charge.Line, charge.Tier, rater.Terms), out _);
            (sum.Nano, sum.Base) = (sum.Nano + charge.Nano, sum.Base + charge.Base);
            if (used is { } counted) sum.Used = (sum.Used ?? 0) + counted;
            if (reserved is { } held) sum.Reserved = (sum.Reserved ?? 0) + held;
        }
    }

    // Other terms begin a row of their own, from where they hold.
    private void Enter(TenantRater rater, Tenant tenant, long bucket, long start)
    {
        var cut = tenant.Slot.End > bucket && tenant.Slot.Start >= start && !ReferenceEquals(tenant.Terms, rater.Terms);
        if (bucket < tenant.Slot.End && !cut) return;
        if (cut) tenant.Slot = (tenant.Slot.Start, bucket);
        Flush(rater.Tenant, tenant);
        (tenant.Slot, tenant.Terms) = ((cut ? bucket : start, Math.Min(start + Hour, rater.Day.End)), rater.Terms);
    }

    private static (Int128? Used, Int128? Reserved) Terms(in Charge charge, ReadOnlySpan<long> values, int known)
    {
        if (charge.Line.Reserved is not { } reserved || charge.Base == 0) return default;
        var used = charge.Line.Meter!;
        return ((known & (1 << used.Index)) != 0 ? values[used.Index] : null, (known & (1 << reserved.Index)) != 0 ? values[reserved.Index] : null);
    }

    private void Flush(string name, Tenant tenant)
    {
        foreach (var ((workload, line, tier, terms), sum) in tenant.Open)
        {
            if (sum.Nano != 0 || sum.Base != 0) Write(name, tenant, line, tier, terms, workload, tenant.Slot.Start, tenant.Slot.End, sum.Nano, sum.Base, sum.Used, sum.Reserved);
        }

        tenant.Open.Clear();
    }

    private void Write(string name, Tenant tenant, PriceLine line, int tier, ContractTerms? terms, long workload, long start, long end, Int128 nano, Int128 counted, Int128? used, Int128? reserved)
    {
        if (!tenant.Places.TryGetValue((line, tier, terms), out var place))
        {
            var bill = period.BillOf(name, line.Currency, period.Id);
            tenant.Places[(line, tier, terms)] = place = new Place(bill, bill.Line(line.Sku, line.Book, line.Version, tier, line.Prices[tier], terms?.FromSeconds), period.SkuOf(line, tier));
        }

        writer.Charge(place.Bill, place.Line, place.Sku, resources.Find(workload), start, start, end, nano, counted, used, reserved, []);
    }
}
