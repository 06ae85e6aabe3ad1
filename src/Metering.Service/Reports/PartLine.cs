namespace Metering.Service.Reports;

/// <summary>A price and tier that charges of a part are of.</summary>
/// <param name="Base">What was counted towards the SKU in the part, in base units of its meter; on the first of the SKU's lines only.</param>
internal sealed record PartLine(string Book, int Version, string Sku, int Tier, Int128 Base);
