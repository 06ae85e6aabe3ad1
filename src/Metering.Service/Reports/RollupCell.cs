namespace Metering.Service.Reports;

/// <summary>What a tenant used of one SKU in a part of a day, during which nothing about its prices changed.</summary>
/// <param name="From">The first bucket with usage, Unix seconds.</param>
/// <param name="To">The end of the last one.</param>
/// <param name="Sku">Of a price of the version; empty: how many rows of usage there are, priced or not.</param>
/// <param name="Base">In the meter's base units; of flat prices seconds.</param>
internal sealed record RollupCell(string Tenant, long From, long To, string Book, int Version, string Sku, Int128 Base);
