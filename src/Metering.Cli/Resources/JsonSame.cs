using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Metering.Cli.Resources;

/// <summary>Compares what is wanted with what is stored, as values: 1.0 is 1, an instant is the same in every zone, a field left out is null.</summary>
internal static class JsonSame
{
    public static bool Of(JsonNode? a, JsonNode? b) => (a, b) switch
    {
        (null, null) => true,
        (JsonObject left, JsonObject right) => left.Select(pair => pair.Key).Union(right.Select(pair => pair.Key)).All(name => Of(left[name], right[name])),
        (JsonArray left, JsonArray right) => left.Count == right.Count && left.Zip(right).All(pair => Of(pair.First, pair.Second)),
        (JsonValue left, JsonValue right) => Scalar(left, right),
        _ => false,
    };

    private static bool Scalar(JsonValue a, JsonValue b)
    {
        if (a.GetValueKind() != b.GetValueKind()) return false;
        if (a.GetValueKind() == JsonValueKind.Number) return Number(a) is { } left && left == Number(b);
        if (a.GetValueKind() != JsonValueKind.String) return true;
        var (first, second) = (a.GetValue<string>(), b.GetValue<string>());
        return first == second || (Instant(first) is { } at && at == Instant(second));
    }

    private static decimal? Number(JsonValue value) => decimal.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static DateTimeOffset? Instant(string text) =>
        text.Length >= 10 && char.IsAsciiDigit(text[0]) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;
}
