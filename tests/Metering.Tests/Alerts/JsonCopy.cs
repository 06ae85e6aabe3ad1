using System.Text.Json;

namespace Metering.Tests.Alerts;

/// <summary>Copies members from one JSON document to another.</summary>
internal static class JsonCopy
{
    public static void WriteAs(this JsonElement value, Utf8JsonWriter json, string name)
    {
        json.WritePropertyName(name);
        value.WriteTo(json);
    }
}
