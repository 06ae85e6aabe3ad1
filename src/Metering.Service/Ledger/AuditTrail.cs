using System.Globalization;
using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;

namespace Metering.Service.Ledger;

/// <summary>
/// Table <c>audit</c>: who changed what, when, from what to what. Written in the transaction of the change, never changed afterwards (triggers see to it), and chained: <c>number</c> counts without gaps,
/// <c>hash</c> is over the row and the hash before (see <see cref="AuditChain"/>), and the last of both is in <c>meta</c>, so that a row that is changed, taken out or cut off at the end is found.
/// </summary>
internal static class AuditTrail
{
    /// <summary>Key of <c>meta</c>: the last row as <c>number:hash</c>.</summary>
    public const string Head = "audit_head";

    // Between replicas; held to the end of the transaction, so that numbers and commits are in the same order.
    private const long Lock = 0x6d65_7465_7205;

    /// <param name="action">Such as <c>price-version.put</c>; with <c>.forced</c> when a rule was overridden.</param>
    /// <param name="subject">Such as <c>standard/2</c>.</param>
    /// <param name="before">JSON; null: there was none.</param>
    public static Task AddAsync(LedgerTransaction transaction, DateTimeOffset now, ClaimsPrincipal who, string action, string subject, string? before, string? after)
    {
        transaction.Audited.Add(new AuditRow(0, Units.UnixTime.ToUnixMicroseconds(now), who.Identity?.Name ?? "local", Caller.PrincipalOf(who), action, subject, before, after));
        return Task.CompletedTask;
    }

    /// <summary>Appends what the transaction has noted; the last thing before it commits, so that whoever waits for the chain is held up for the shortest time and nobody waits in a circle.</summary>
    public static async Task FlushAsync(LedgerTransaction transaction)
    {
        if (transaction.Audited.Count == 0) return;
        if (transaction.Store.IsPostgres) await transaction.ExecuteAsync("SELECT pg_advisory_xact_lock(@lock)", ("@lock", Lock));
        var (number, hash) = await HeadAsync(transaction);
        foreach (var noted in transaction.Audited)
        {
            var row = noted with { Number = ++number };
            hash = AuditChain.Next(hash, row);
            await transaction.ExecuteAsync(
                "INSERT INTO audit (at, actor, principal, action, subject, before, after, number, hash) VALUES (@at, @actor, @principal, @action, @subject, @before, @after, @number, @hash)",
                ("@at", row.At), ("@actor", row.Actor), ("@principal", row.Principal), ("@action", row.Action), ("@subject", row.Subject), ("@before", row.Before), ("@after", row.After), ("@number", row.Number), ("@hash", hash));
        }

        transaction.Audited.Clear();
        await transaction.ExecuteAsync("INSERT INTO meta (key, value) VALUES (@key, @value) ON CONFLICT (key) DO UPDATE SET value = excluded.value", ("@key", Head), ("@value", AuditChain.Head(number, hash)));
    }

    public static string Text<T>(T document) => JsonSerializer.Serialize(document, LedgerJson.Options);

    private static async Task<(long Number, byte[] Hash)> HeadAsync(LedgerTransaction transaction)
    {
        if (await transaction.Command("SELECT value FROM meta WHERE key = @key", ("@key", Head)).ExecuteScalarAsync() is string head && AuditChain.TryReadHead(head, out var number, out var hash)) return (number, hash);

        // The first row of the chain: what was written down before there was one is its beginning.
        (number, hash) = (0, AuditChain.Start);
        await using var rows = await transaction.Command(AuditChain.Select + " ORDER BY id").ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            var row = AuditChain.Read(rows).Row;
            number++;
            hash = AuditChain.Next(hash, row with { Number = number });
        }

        return (number, hash);
    }
}
