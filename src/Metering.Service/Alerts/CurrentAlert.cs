using System.Text.Json;

namespace Metering.Service.Alerts;

/// <summary>An alert as it is now.</summary>
/// <param name="Alert">What all of its changes have in common.</param>
/// <param name="Since">Since when it has been in this state; of one that is resolved, when it began to fire.</param>
/// <param name="Silence">The silence that holds for it; null: none does.</param>
internal sealed record CurrentAlert(string Alert, string EventId, string Subject, string State, string Severity, string? Tenant, IReadOnlyDictionary<string, string> Labels, DateTimeOffset Since, DateTimeOffset ChangedAt, string? Silence, JsonElement Data);
