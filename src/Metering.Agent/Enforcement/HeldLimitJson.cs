using System.Text.Json.Serialization;

namespace Metering.Agent.Enforcement;

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HeldLimit[]))]
internal sealed partial class HeldLimitJson : JsonSerializerContext;
