using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Metering.Meters;
using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>What is sold at one price: the fields of one tier of a price line. Immutable.</summary>
internal sealed class FocusSku
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public byte[] SkuId { get; private init; } = [];

    public byte[] Meter { get; private init; } = [];

    public byte[] PriceId { get; private init; } = [];

    public byte[] Details { get; private init; } = [];

    public byte[] PricingUnit { get; private init; } = [];

    public byte[] ConsumedUnit { get; private init; } = [];

    public byte[] Service { get; private init; } = [];

    public byte[] Category { get; private init; } = [];

    public byte[] Subcategory { get; private init; } = [];

    public byte[] Description { get; private init; } = [];

    public byte[] Basis { get; private init; } = [];

    public byte[] Book { get; private init; } = [];

    public int Version { get; private init; }

    /// <summary>Places of what was counted: 6 for microseconds, 0 for bytes and operations.</summary>
    public int ConsumedScale { get; private init; }

    /// <summary>The tenant's own price per month: bought, whatever runs.</summary>
    public bool IsPurchase { get; private init; }

    public bool IsAllocation { get; private init; }

    /// <param name="line">Null when the version is not known any more: then there are no tier bounds.</param>
    /// <param name="priceUnits">In 10⁻¹⁰ of the currency.</param>
    public static FocusSku Of(string sku, string book, int version, int tier, string unit, string currency, long priceUnits, bool isAllocation, PriceLine? line)
    {
        var meter = line?.Meter ?? (MeterCatalogue.TryFind(sku.Split(' ')[0], out var named) ? named : null);
        var (service, category, subcategory) = Serve(meter, isAllocation);
        var price = new Amount((Int128)priceUnits * PriceLine.NanoScale).ToString();
        var details = new SortedDictionary<string, object>(StringComparer.Ordinal) { ["OperatingSystem"] = "Linux", ["x_PriceBook"] = book, ["x_PriceBookVersion"] = version };
        if (line is not null)
        {
            details["x_Model"] = line.Model.ToString();
            details["x_TierFrom"] = Plain(line.TierFrom(tier));
            if (line.TierTo(tier) is { } to) details["x_TierTo"] = Plain(to);
        }

        return new FocusSku
        {
            SkuId = FocusCsv.Field(sku),
            Meter = FocusCsv.Field(MeterName(meter, sku)),
            PriceId = FocusCsv.Field(string.Create(CultureInfo.InvariantCulture, $"{book}/{version}#{sku}#t{tier + 1}")),
            Details = FocusCsv.Field(JsonSerializer.Serialize(details, Json)),
            PricingUnit = FocusCsv.Field(isAllocation ? "Units" : UnitName(unit)),
            ConsumedUnit = FocusCsv.Field(isAllocation ? "Units" : Consumed(meter)),
            Service = FocusCsv.Field(service),
            Category = FocusCsv.Field(category),
            Subcategory = FocusCsv.Field(subcategory),
            Description = FocusCsv.Field(string.Create(CultureInfo.InvariantCulture, $"{sku}, tier {tier + 1} at {price} {currency}")),
            Basis = FocusCsv.Field(line is null ? "" : line.Basis switch { PriceBasis.Reservation => "reservation", PriceBasis.Larger => "max(usage, reservation)", _ => "usage" }),
            Book = FocusCsv.Field(book),
            Version = version,
            ConsumedScale = meter?.Unit == "seconds" ? 6 : 0,
            IsPurchase = meter is null && sku == Rating.PricingUnit.Months.Name,
            IsAllocation = isAllocation,
        };
    }

    /// <summary>A pricing unit in the specification's words.</summary>
    internal static string UnitName(string unit)
    {
        var cut = unit.IndexOf(' ');
        var (size, name) = cut < 0 ? (1m, unit) : (decimal.Parse(unit[..cut], CultureInfo.InvariantCulture), unit[(cut + 1)..]);
        (size, name) = name switch { "Thousand-Operations" => (size * 1_000, "Operations"), "Million-Operations" => (size * 1_000_000, "Operations"), _ => (size, name) };
        return size == 1 ? name : size.ToString("0.#########", CultureInfo.InvariantCulture) + " " + name;
    }

    private static string Consumed(Meter? meter) => meter is null ? "Seconds" : meter.Unit switch
    {
        "seconds" => meter == MeterCatalogue.Cpu || meter == MeterCatalogue.CpuReserved ? "Core-Seconds" : "Seconds",
        "bytes" => "Bytes",
        "byte-seconds" => "Byte-Seconds",
        _ => char.ToUpperInvariant(meter.Unit[0]) + meter.Unit[1..],
    };

    private static string MeterName(Meter? meter, string sku) => meter is null ? sku : meter.Family switch
    {
        MeterFamily.Cpu when meter == MeterCatalogue.Cpu => "CPU Time",
        MeterFamily.Memory when meter == MeterCatalogue.Memory => "Memory Residency",
        MeterFamily.Io when meter == MeterCatalogue.IoReadBytes => "Block Read Volume",
        MeterFamily.Io when meter == MeterCatalogue.IoWriteBytes => "Block Write Volume",
        _ => meter.Name,
    };

    // Each name has one category and one subcategory.
    private static (string Service, string Category, string Subcategory) Serve(Meter? meter, bool isAllocation) => (isAllocation, meter?.Family) switch
    {
        (true, _) => ("Shared Hosts", "Compute", "Other (Compute)"),
        (_, MeterFamily.Io) => ("Metered Block IO", "Storage", "Block Storage"),
        (_, MeterFamily.Network) => ("Metered Network", "Networking", "Other (Networking)"),
        _ => ("Metered Compute", "Compute", "Other (Compute)"),
    };

    private static decimal Plain(decimal value) => value / 1.0000000000000000000000000000m;
}
