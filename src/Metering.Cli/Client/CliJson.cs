using System.Text.Encodings.Web;
using System.Text.Json;

namespace Metering.Cli.Client;

/// <summary>How the commands write JSON: camelCase as the API does.</summary>
internal static class CliJson
{
    public static readonly JsonSerializerOptions Compact = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static readonly JsonSerializerOptions Indented = new(Compact) { WriteIndented = true };
}
