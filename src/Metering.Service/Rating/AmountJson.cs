using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Metering.Service.Rating;

/// <summary>Amounts as JSON numbers with all their digits, which may be more than a <c>decimal</c> holds.</summary>
internal sealed class AmountJson : JsonConverter<Amount>
{
    public override Amount Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.Number) throw new JsonException("An amount is a number.");
        try
        {
            return Amount.Parse(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new JsonException(e.Message, e);
        }
    }

    public override void Write(Utf8JsonWriter writer, Amount value, JsonSerializerOptions options) => writer.WriteRawValue(value.ToString());
}
