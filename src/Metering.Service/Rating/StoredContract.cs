using System.Text.Json;
using Metering.Service.Ledger;

namespace Metering.Service.Rating;

/// <summary>A tenant's contract, as the document it was given as.</summary>
public sealed class StoredContract
{
    public string Tenant { get; set; } = "";

    public string Json { get; set; } = "{}";

    internal Contract Read() => JsonSerializer.Deserialize<Contract>(Json, LedgerJson.Options)!;
}
