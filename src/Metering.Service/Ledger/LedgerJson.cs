using System.Text.Json;
using System.Text.Json.Serialization;

namespace Metering.Service.Ledger;

/// <summary>How documents are stored: camelCase, nulls left out.</summary>
public static class LedgerJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip,
    };
}
