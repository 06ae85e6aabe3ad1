using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Metering.Units;

namespace Metering.Service.Audit;

/// <summary>Reads the audit trail by pages, newest first.</summary>
public sealed class AuditBook(LedgerStore store)
{
    public const int MaxLimit = 1_000;

    /// <summary>A page; null when the cursor is none of ours.</summary>
    /// <param name="cursor"><see cref="AuditPage.NextCursor"/> of the page before; null for the newest.</param>
    /// <param name="limit">1 to <see cref="MaxLimit"/>.</param>
    public async Task<AuditPage?> ReadAsync(AuditFilter filter, string? cursor, int limit, CancellationToken cancel)
    {
        var before = long.MaxValue;
        if (cursor is not null && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out before)) return null;
        var sql = new StringBuilder(AuditChain.Select).Append(" WHERE id < @before");
        var parameters = new List<(string, object)> { ("@before", before) };
        if (filter.Actor is { } actor) Add("(actor = {0} OR principal = {0})", actor);
        if (filter.Action is { } action) AddText("action", action);
        if (filter.Subject is { } subject) AddText("subject", subject);
        if (filter.From is { } from) Add("at >= {0}", from.ToUnixMicroseconds());
        if (filter.To is { } to) Add("at < {0}", to.ToUnixMicroseconds());
        sql.Append(CultureInfo.InvariantCulture, $" ORDER BY id DESC LIMIT {limit + 1}");

        var entries = new List<AuditEntry>();
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, sql.ToString(), [.. parameters]);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            if (entries.Count == limit) return new AuditPage(entries, entries[^1].Id.ToString(CultureInfo.InvariantCulture));
            var (id, row, hash) = AuditChain.Read(rows);
            entries.Add(new AuditEntry(id, row.Number, UnixTime.FromMicroseconds(row.At), row.Actor, row.Principal, row.Action, row.Subject, Json(row.Before), Json(row.After), hash is null ? null : Convert.ToHexStringLower(hash)));
        }

        return new AuditPage(entries, null);

        void Add(string condition, object value)
        {
            var name = "@p" + parameters.Count.ToString(CultureInfo.InvariantCulture);
            sql.Append(" AND ").AppendFormat(CultureInfo.InvariantCulture, condition, name);
            parameters.Add((name, value));
        }

        // Not LIKE, which takes 'A' for 'a' on SQLite.
        void AddText(string column, string value)
        {
            if (value.EndsWith('*')) Add($"substr({column}, 1, length({{0}})) = {{0}}", value[..^1]);
            else Add(column + " = {0}", value);
        }
    }

    private static JsonNode? Json(string? text) => text is null ? null : JsonNode.Parse(text);
}
