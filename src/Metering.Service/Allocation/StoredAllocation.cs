using System.Text.Json;
using Metering.Service.Ledger;

namespace Metering.Service.Allocation;

/// <summary>The document as it was given.</summary>
public sealed class StoredAllocation
{
    public int Id { get; set; } = 1;

    public string Json { get; set; } = "{}";

    internal AllocationDocument Read() => JsonSerializer.Deserialize<AllocationDocument>(Json, LedgerJson.Options)!;
}
