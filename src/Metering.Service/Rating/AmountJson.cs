using System.Text.Json;
using System.Text.Json.Serialization;

namespace Metering.Service.Rating;

/// <summary>Amounts as JSON numbers with all their digits, which may be more than a <c>decimal</c> holds.</summary>
internal sealed class AmountJson : JsonConverter<Amount>
{
    public override Amount Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Amount.FromDecimal(reader.GetDecimal());

    public override void Write(Utf8JsonWriter writer, Amount value, JsonSerializerOptions options) => writer.WriteRawValue(value.ToString());
}
