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
    public static void MapQuotas(this IEndpointRouteBuilder routes)
    {
        var quotas = routes.MapGroup("/v1/quotas").WithTags("Quotas");
        quotas.MapGet("/", List).RequireAuthorization(Roles.MayRead).WithSummary("The quotas with their present figures").AsList();
        quotas.MapGet("/{id}", Get).RequireAuthorization(Roles.MayRead).WithSummary("One quota with its present figure");
        quotas.MapGet("/{id}/history", History).AsTable().RequireAuthorization(Roles.MayRead).WithSummary("Its transitions, newest first");
        quotas.MapPut("/{id}", Put).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes a quota; what was used in the open window counts");
        quotas.MapPost("/apply", Apply).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes several quotas, all or none; check=true only tells the faults");
        quotas.MapDelete("/{id}", Delete).RequireAuthorization(Roles.MayManage).WithSummary("Removes a quota; what is firing is resolved");
    }

    private static async Task<Ok<List<QuotaView>>> List(Caller caller, QuotaReport report, CancellationToken cancel) => TypedResults.Ok(await report.ListAsync(caller, null, cancel));

    private static async Task<Results<Ok<QuotaView>, ProblemHttpResult>> Get(string id, Caller caller, QuotaReport report, CancellationToken cancel) =>
        await report.ListAsync(caller, id, cancel) is [var view] ? TypedResults.Ok(view) : Problems.Unknown("quota", id);

    private static async Task<Results<Ok<List<QuotaHistoryEntry>>, ProblemHttpResult>> History(string id, int? limit, Caller caller, QuotaReport report, CancellationToken cancel) =>
        await report.HistoryAsync(caller, id, Math.Clamp(limit ?? 100, 1, 1000), cancel) is { } entries ? TypedResults.Ok(entries) : Problems.Unknown("quota", id);

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
        var answer = await change.ApplyAsync(request, check, user, cancel);
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
