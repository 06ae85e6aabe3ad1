using System.ComponentModel;
using Metering.Service.Access;
using Metering.Service.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Audit;

/// <summary><c>/v1/audit</c>.</summary>
internal static class AuditEndpoints
{
    public static void MapAudit(this IEndpointRouteBuilder routes) => routes.MapGet("/v1/audit", List).WithTags("Access").RequireAuthorization(Roles.MayManage)
        .WithSummary("Who changed what, newest first; each entry carries the hash that chains it to the one before").Produces<AuditPage>().ProducesProblem(400);

    private static async Task<IResult> List(
        [Description("Name of the actor or its principal, such as key:ID")] string? actor, [Description("Such as tenant.put, or quota.* for all that begin so")] string? action, [Description("What was changed; may end in *")] string? subject,
        DateTimeOffset? from, DateTimeOffset? to, [Description("1 to 1000; default 100")] int? limit, [Description("nextCursor of the page before")] string? cursor, [Description("json or csv")] string? format,
        HttpRequest request, AuditBook book, CancellationToken cancel)
    {
        if (limit is < 1 or > AuditBook.MaxLimit) return Problems.Invalid($"'limit' is {limit}; it is 1 to {AuditBook.MaxLimit}.");
        if (to <= from) return Problems.Invalid("'to' is not after 'from'.");
        if (await book.ReadAsync(new AuditFilter(actor, action, subject, from, to), cursor, limit ?? 100, cancel) is not { } page) return Problems.Invalid("'cursor' is none of ours; take the nextCursor of the page before.");
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(["number", "at", "actor", "principal", "action", "subject", "before", "after", "hash"],
                page.Entries.Select(one => (IReadOnlyList<object?>)[one.Number, one.At, one.Actor, one.Principal, one.Action, one.Subject, one.Before?.ToJsonString(), one.After?.ToJsonString(), one.Hash]), page.NextCursor)
            : TypedResults.Ok(page);
    }
}
