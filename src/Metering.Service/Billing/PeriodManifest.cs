using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Metering.Service.Ledger;

namespace Metering.Service.Billing;

/// <summary>What closing a period has fixed: counts, totals and hashes. Chained by the hash of the manifest before, so that nothing issued can be changed or taken out unseen.</summary>
/// <param name="Previous">SHA-256 of the previous period's manifest; empty on the first.</param>
/// <param name="Start">Where the period begins in the first zone.</param>
/// <param name="End">Where it ends in the last zone: every host was metered up to there, or is among the waivers.</param>
/// <param name="UsageRows">Rows of usage that were rated.</param>
/// <param name="UnpricedRows">Rows that belong to no known tenant.</param>
/// <param name="ChargesSha256">Over all charges, one line each, in the order of their numbers.</param>
/// <param name="Charged">Exact sum of the charges by currency.</param>
/// <param name="Invoiced">Sum of the documents' totals by currency.</param>
/// <param name="Corrected">Earlier periods that were rated anew, because usage or another price came late; each with the hash of the configuration that it was rated by.</param>
/// <param name="Waivers">Hosts that were not metered up to the end, and that was accepted.</param>
internal sealed record PeriodManifest(
    string Period, string Previous, DateTimeOffset Start, DateTimeOffset End, long UsageRows, long UnpricedRows, long Charges, string ChargesSha256, IReadOnlyDictionary<string, string> Charged,
    IReadOnlyDictionary<string, decimal> Invoiced, IReadOnlyList<PeriodManifest.Issued> Documents, IReadOnlyDictionary<string, string> Corrected, IReadOnlyList<string> Waivers, string Configuration)
{
    /// <summary>An invoice or a note.</summary>
    internal sealed record Issued(string Id, string Kind, string Tenant, string Origin, string Currency, decimal Total, string Sha256);

    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public string Json() => JsonSerializer.Serialize(this, LedgerJson.Options);

    public static PeriodManifest Read(string json) => JsonSerializer.Deserialize<PeriodManifest>(json, LedgerJson.Options)!;
}
