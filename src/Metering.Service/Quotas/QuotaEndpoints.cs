using System.ComponentModel;
using System.Globalization;
using System.Security.Claims;
using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Applying;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Quotas;

/// <summary><c>/v1/quotas</c>.</summary>
internal static class QuotaEndpoints
{
    private const int MaxLimit = 1_000;
    private const string VersionSql = "SELECT json FROM quota WHERE id = @id";

    public static void MapQuotas(this IEndpointRouteBuilder routes)
    {
        var quotas = routes.MapGroup("/v1/quotas").WithTags("Quotas");
        quotas.MapGet("/", List).RequireAuthorization(Roles.MayRead).WithSummary("The quotas with their present figures").AsList();
        quotas.MapGet("/{id}", Get).RequireAuthorization(Roles.MayRead).WithSummary("One quota with its present figure").WithVersion(VersionSql);
        quotas.MapGet("/{id}/history", History).AsTable().RequireAuthorization(Roles.MayRead).WithSummary("Its transitions, newest first; the next page in header X-Next-Cursor");
        quotas.MapPut("/{id}", Put).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes a quota; what was used in the open window counts").WithVersion(VersionSql);
        quotas.MapPost("/apply", Apply).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes several quotas, all or none; check=true only tells the faults");
        quotas.MapDelete("/{id}", Delete).RequireAuthorization(Roles.MayManage).WithSummary("Removes a quota; what is firing is resolved").WithVersion(VersionSql);
    }

    private static async Task<Ok<List<QuotaView>>> List(Caller caller, QuotaReport report, CancellationToken cancel) => TypedResults.Ok(await report.ListAsync(caller, null, cancel));

    private static async Task<Results<Ok<QuotaView>, ProblemHttpResult>> Get(string id, Caller caller, QuotaReport report, CancellationToken cancel) =>
        await report.ListAsync(caller, id, cancel) is [var view] ? TypedResults.Ok(view) : Problems.Unknown("quota", id);

    private static async Task<Results<Ok<List<QuotaHistoryEntry>>, ProblemHttpResult>> History(
        string id, [Description("1 to 1000; default 100")] int? limit, [Description("X-Next-Cursor of the page before")] string? cursor, Caller caller, QuotaReport report, HttpResponse response, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxLimit) return ListAnswers.NoLimit(limit, MaxLimit);
        var before = long.MaxValue;
        if (!string.IsNullOrEmpty(cursor) && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out before)) return ListAnswers.NoCursor();
        return await report.HistoryAsync(caller, id, before, (limit ?? 100) + 1, cancel) is { } entries
            ? TypedResults.Ok(ListAnswers.Page(response, entries, limit ?? 100, last => last.Number.ToString(CultureInfo.InvariantCulture))) : Problems.Unknown("quota", id);
    }

    private static async Task<Results<Ok<Quota>, ProblemHttpResult>> Put(string id, Quota quota, ClaimsPrincipal user, QuotaChange change, WebhookDispatcher dispatcher, CancellationToken cancel)
    {
        try
        {
            await change.PutAsync(id, quota, user, cancel);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Rule(refused.Faults);
        }

        dispatcher.Wake();
        return TypedResults.Ok(quota);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Apply(ApplyRequest request, bool? check, ClaimsPrincipal user, QuotaChange change, WebhookDispatcher dispatcher, CancellationToken cancel)
    {
        var answer = await change.ApplyAsync(request, check, DocumentVersions.ById(VersionSql), user, cancel);
        dispatcher.Wake();
        return answer;
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string id, ClaimsPrincipal user, QuotaChange change, WebhookDispatcher dispatcher, CancellationToken cancel)
    {
        if (!await change.DeleteAsync(id, user, cancel)) return Problems.Unknown("quota", id);
        dispatcher.Wake();
        return TypedResults.NoContent();
    }
}
