namespace Metering.Service.Billing;

/// <summary>The order in which charges are numbered: tenant, origin, day, workload, price, tier, time; then all of the rest.</summary>
internal sealed class ChargeOrder : IComparer<ChargeEntry>
{
    public static readonly ChargeOrder Instance = new();

    private ChargeOrder()
    {
    }

    /// <summary>By what tells nearly all of them apart.</summary>
    public static int Compare((ChargeHeading Heading, string Day, long Workload, long From) a, (ChargeHeading Heading, string Day, long Workload, long From) b)
    {
        var (one, other) = (a.Heading, b.Heading);
        var order = string.CompareOrdinal(one.Tenant, other.Tenant);
        if (order == 0) order = string.CompareOrdinal(one.Origin, other.Origin);
        if (order == 0) order = string.CompareOrdinal(a.Day, b.Day);
        if (order == 0) order = a.Workload.CompareTo(b.Workload);
        if (order == 0) order = string.CompareOrdinal(one.Sku, other.Sku);
        if (order == 0) order = string.CompareOrdinal(one.Book, other.Book);
        if (order == 0) order = one.Version.CompareTo(other.Version);
        if (order == 0) order = one.Tier.CompareTo(other.Tier);
        return order == 0 ? a.From.CompareTo(b.From) : order;
    }

    public int Compare(ChargeEntry? x, ChargeEntry? y)
    {
        if (x is null || y is null) return (x is null ? 0 : 1) - (y is null ? 0 : 1);
        var order = Compare((x.Heading, x.Day, x.Workload, x.From), (y.Heading, y.Day, y.Workload, y.From));
        return order == 0 ? string.CompareOrdinal(x.Canonical, y.Canonical) : order;
    }
}
