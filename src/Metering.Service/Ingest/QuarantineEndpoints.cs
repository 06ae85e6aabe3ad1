using System.Globalization;
using System.Security.Claims;
using Metering.Service.Access;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Ingest;

/// <summary><c>/v1/quarantine</c>.</summary>
internal static class QuarantineEndpoints
{
    private const int MaxLimit = 10_000;

    public static void MapQuarantine(this IEndpointRouteBuilder routes)
    {
        var quarantine = routes.MapGroup("/v1/quarantine").WithTags("Operations").RequireAuthorization(Roles.MayManage);
        quarantine.MapGet("/", List).AsTable().WithSummary("Batches that were kept aside for their content, or refused, with the reason; limit, cursor");
        quarantine.MapPost("/replay", Replay).WithSummary("Judges them anew and takes what is good now; the rest stays").ProducesProblem(503);
    }

    private static async Task<Results<Ok<QuarantinePage>, ProblemHttpResult>> List(int? limit, string? cursor, QuarantineBook book, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxLimit) return Problems.Invalid($"'limit' is {limit}; it is 1 to {MaxLimit}.");
        var after = 0L;
        if (cursor is not null && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after)) return Problems.Invalid("The cursor is none of ours; use nextCursor of the page before.");
        var size = limit ?? 1_000;
        var entries = await book.ListAsync(after, size + 1, cancel);
        var more = entries.Count > size;
        if (more) entries.RemoveAt(size);
        return TypedResults.Ok(new QuarantinePage(entries, more ? entries[^1].Id.ToString(CultureInfo.InvariantCulture) : null));
    }

    private static async Task<Results<Ok<ReplayAnswer>, ProblemHttpResult>> Replay(QuarantineBook book, LedgerStore store, ClaimsPrincipal user, TimeProvider clock, CancellationToken cancel)
    {
        try
        {
            var answer = await book.ReplayAsync(cancel);
            await store.WriteAsync(transaction => AuditTrail.AddAsync(transaction, clock.GetUtcNow(), user, "quarantine.replayed", $"{answer.Taken} batches", null, null), cancel);
            return TypedResults.Ok(answer);
        }
        catch (LedgerUnavailableException e)
        {
            return Problems.Unavailable(e.Message);
        }
    }
}
