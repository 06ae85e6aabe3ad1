using System.Text.Json;
using Metering.Service.Ledger;

namespace Metering.Service.Rating;

/// <summary>One version of a price book, as the document it was given as.</summary>
public sealed class StoredPriceVersion
{
    public string Book { get; set; } = "";

    public int Version { get; set; }

    public string Json { get; set; } = "{}";

    internal PriceVersion Read() => JsonSerializer.Deserialize<PriceVersion>(Json, LedgerJson.Options)!;
}
