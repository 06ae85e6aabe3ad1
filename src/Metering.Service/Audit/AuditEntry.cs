using System.Text.Json.Nodes;

namespace Metering.Service.Audit;

/// <summary>One change.</summary>
/// <param name="Number">Its place in the chain, from 1; 0 for what is older than the chain.</param>
/// <param name="Actor">The name of who did it, as given by whoever made the key: text from outside.</param>
/// <param name="Principal"><c>key:ID</c>, <c>oidc:SUBJECT</c>, <c>link</c> or <c>local</c>.</param>
/// <param name="Action">Such as <c>tenant.put</c>.</param>
/// <param name="Before">Null: there was none.</param>
/// <param name="After">Null: there is none.</param>
/// <param name="Hash">Hex of SHA-256 over the entry and the hash before; null for what is older than the chain.</param>
public sealed record AuditEntry(long Id, long Number, DateTimeOffset At, string Actor, string Principal, string Action, string Subject, JsonNode? Before, JsonNode? After, string? Hash);
