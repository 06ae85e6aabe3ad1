namespace Metering.Service.Verification;

/// <summary>Something that does not add up.</summary>
/// <param name="Table">The table of the ledger that holds it.</param>
/// <param name="Key">Its key there, such as <c>host=web-1 epoch=… sequence=17</c>.</param>
/// <param name="Detail">What was found and what was to be expected, with both figures.</param>
public sealed record Discrepancy(string Table, string Key, string Detail);
