using System.Security.Claims;
using System.Text.Json;

namespace Metering.Service.Ledger;

/// <summary>Table <c>audit</c>: who changed what, when, from what to what. Written in the transaction of the change, never changed afterwards (triggers see to it).</summary>
internal static class AuditTrail
{
    /// <param name="action">Such as <c>price-version.put</c>; with <c>.forced</c> when a rule was overridden.</param>
    /// <param name="subject">Such as <c>standard/2</c>.</param>
    /// <param name="before">JSON; null: there was none.</param>
    public static Task AddAsync(LedgerTransaction transaction, DateTimeOffset now, ClaimsPrincipal who, string action, string subject, string? before, string? after) => transaction.ExecuteAsync(
        "INSERT INTO audit (at, actor, action, subject, before, after) VALUES (@at, @actor, @action, @subject, @before, @after)",
        ("@at", Units.UnixTime.ToUnixMicroseconds(now)), ("@actor", who.Identity?.Name ?? "local"), ("@action", action), ("@subject", subject), ("@before", before), ("@after", after));

    public static string Text<T>(T document) => JsonSerializer.Serialize(document, LedgerJson.Options);
}
