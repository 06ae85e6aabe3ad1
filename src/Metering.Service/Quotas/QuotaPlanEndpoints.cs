using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Applying;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Quotas;

/// <summary><c>/v1/quota-plans</c>.</summary>
internal static class QuotaPlanEndpoints
{
    private const string VersionSql = "SELECT json FROM quota_plan WHERE id = @id";

    internal sealed record PlanView(string Id, IReadOnlyDictionary<string, decimal> Limits);

    public static void MapQuotaPlans(this IEndpointRouteBuilder routes)
    {
        var plans = routes.MapGroup("/v1/quota-plans").WithTags("Quotas").RequireAuthorization(Roles.MayManage);
        plans.MapGet("/", List).WithSummary("The plans: limits by name that quotas go by").AsList();
        plans.MapGet("/{id}", Get).WithSummary("One plan").WithVersion(VersionSql);
        plans.MapPut("/{id}", Put).WithSummary("Makes or changes a plan; quotas that go by it are judged anew").WithVersion(VersionSql);
        plans.MapPost("/apply", Apply).WithSummary("Makes or changes several plans, all or none; check=true only tells the faults");
        plans.MapDelete("/{id}", Delete).WithSummary("Removes a plan that no quota goes by").ProducesProblem(422).WithVersion(VersionSql);
    }

    private static async Task<Ok<List<PlanView>>> List(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return TypedResults.Ok((await context.Set<StoredQuotaPlan>().AsNoTracking().OrderBy(plan => plan.Id).ToListAsync(cancel)).ConvertAll(View));
    }

    private static async Task<Results<Ok<PlanView>, ProblemHttpResult>> Get(string id, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return await context.Set<StoredQuotaPlan>().AsNoTracking().FirstOrDefaultAsync(plan => plan.Id == id, cancel) is { } found ? TypedResults.Ok(View(found)) : Problems.Unknown("quota plan", id);
    }

    private static async Task<Results<Ok<PlanView>, ProblemHttpResult>> Put(string id, QuotaPlan plan, ClaimsPrincipal user, QuotaChange change, WebhookDispatcher dispatcher, CancellationToken cancel)
    {
        try
        {
            await change.PutPlanAsync(id, plan, user, cancel);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Rule(refused.Faults);
        }

        dispatcher.Wake();
        return TypedResults.Ok(new PlanView(id, plan.Limits));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Apply(ApplyRequest request, bool? check, ClaimsPrincipal user, QuotaChange change, WebhookDispatcher dispatcher, CancellationToken cancel)
    {
        var answer = await change.ApplyPlansAsync(request, check, DocumentVersions.ById(VersionSql), user, cancel);
        dispatcher.Wake();
        return answer;
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string id, ClaimsPrincipal user, QuotaChange change, CancellationToken cancel)
    {
        try
        {
            return await change.DeletePlanAsync(id, user, cancel) ? TypedResults.NoContent() : Problems.Unknown("quota plan", id);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Rule(refused.Faults);
        }
    }

    private static PlanView View(StoredQuotaPlan plan) => new(plan.Id, JsonSerializer.Deserialize<QuotaPlan>(plan.Json, LedgerJson.Options)!.Limits);
}
