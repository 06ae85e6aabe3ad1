using Metering.Meters;
using Metering.Service.Rating;

namespace Metering.Service.Reports;

/// <summary>What a tenant used of one SKU in a part of a day, during which nothing about its prices changed.</summary>
/// <param name="From">The first bucket with usage, Unix seconds.</param>
/// <param name="To">The end of the last one.</param>
/// <param name="Sku">Of a price of the version; empty: how many rows of usage there are, priced or not.</param>
/// <param name="Base">In the meter's base units; of flat prices seconds.</param>
internal sealed record RollupCell(string Tenant, long From, long To, string Book, int Version, string Sku, Int128 Base)
{
    /// <summary>Of cells without a book: what was used and what was reserved of a meter, where both are known.</summary>
    public const string Used = "used ", Reserved = "reserved ";

    /// <summary>Of cells without a book: CPU microseconds, and how many of them are an estimate.</summary>
    public const string Cpu = "cpu", Estimated = "estimated";

    /// <summary>Meters that have a reservation.</summary>
    public static readonly IReadOnlyList<(Meter Used, Meter Reserved)> Idle = [.. MeterCatalogue.All.Where(meter => PriceLine.ReservedOf(meter) is not null).Select(meter => (meter, PriceLine.ReservedOf(meter)!))];

    /// <summary>True when it has how many rows of usage there are.</summary>
    public bool IsCount => Book.Length == 0 && Sku.Length == 0;

    /// <summary>The meter and sum of an idle cell of a kind.</summary>
    public bool IsOf(string kind, out Meter meter)
    {
        meter = null!;
        return Book.Length == 0 && Sku.StartsWith(kind, StringComparison.Ordinal) && MeterCatalogue.TryFind(Sku[kind.Length..], out meter!);
    }
}
