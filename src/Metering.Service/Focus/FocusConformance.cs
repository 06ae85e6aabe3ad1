using System.Text.Json;
using Metering.Service.Ledger;

namespace Metering.Service.Focus;

/// <summary>The report of one check of an export.</summary>
/// <param name="Rows">By dataset, without headers.</param>
/// <param name="Violated">Rules that are broken.</param>
/// <param name="Findings">All rules that were applied.</param>
internal sealed record FocusConformance(string FocusVersion, string GeneratorVersion, IReadOnlyDictionary<string, long> Rows, int Rules, int Violated, IReadOnlyList<FocusFinding> Findings)
{
    private static readonly JsonSerializerOptions Indented = new(LedgerJson.Options) { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public bool Conforms => Violated == 0;

    public string Json() => JsonSerializer.Serialize(this, Indented);
}
