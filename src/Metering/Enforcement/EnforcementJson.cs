using System.Text.Json.Serialization;

namespace Metering.Enforcement;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(EnforcementOrder))]
internal sealed partial class EnforcementJson : JsonSerializerContext;
