using Metering.Meters;

namespace Metering.Service.Rating;

/// <summary>A price as rating uses it.</summary>
/// <param name="Sku">What is counted towards one cumulative quantity: meter and unit, whatever version prices it.</param>
internal sealed record PriceLine(string Sku, Meter Meter, decimal BaseUnits, decimal PerUnit, string Currency, string Book, int Version);
