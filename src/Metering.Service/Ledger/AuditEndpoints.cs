using Metering.Service.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Ledger;

/// <summary><c>/v1/audit</c>.</summary>
internal static class AuditEndpoints
{
    private const int MaxEntries = 1_000;

    internal sealed record AuditEntry(long Id, DateTimeOffset At, string Actor, string Action, string Subject, System.Text.Json.Nodes.JsonNode? Before, System.Text.Json.Nodes.JsonNode? After);

    public static void MapAudit(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/audit", List).WithTags("Access").RequireAuthorization(Roles.MayManage).WithSummary("Who changed which configuration, newest first");

    private static async Task<Results<Ok<List<AuditEntry>>, ProblemHttpResult>> List(long? before, int? limit, LedgerStore store, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxEntries) return Problems.Invalid($"'limit' is {limit}; it is 1 to {MaxEntries}.");
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"SELECT id, at, actor, action, subject, before, after FROM audit WHERE id < {before ?? long.MaxValue} ORDER BY id DESC LIMIT {limit ?? 100}");
        var entries = new List<AuditEntry>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            entries.Add(new AuditEntry(rows.GetInt64(0), DateTimeOffset.UnixEpoch.AddMicroseconds(rows.GetInt64(1)), rows.GetString(2), rows.GetString(3), rows.GetString(4), Json(5), Json(6)));
        }

        return TypedResults.Ok(entries);

        System.Text.Json.Nodes.JsonNode? Json(int column) => rows.IsDBNull(column) ? null : System.Text.Json.Nodes.JsonNode.Parse(rows.GetString(column));
    }
}
