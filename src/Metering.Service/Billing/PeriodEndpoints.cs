using System.Security.Claims;
using Metering.Service.Access;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Billing;

/// <summary><c>/v1/periods</c>.</summary>
internal static class PeriodEndpoints
{
    private const int MaxWaivers = 1_000;

    internal sealed record CloseRequest(IReadOnlyList<string>? Waive);

    internal sealed record PeriodEntry(string Period, string ManifestSha256);

    /// <param name="Stage">See <see cref="ClosingProgress.Step"/>.</param>
    internal sealed record ClosingState(string Period, string Stage, long Done, long Total);

    public static void MapPeriods(this IEndpointRouteBuilder routes)
    {
        var periods = routes.MapGroup("/v1/periods").WithTags("Billing");
        periods.MapGet("/", List).AsList().RequireAuthorization(Roles.MayManage).WithSummary("The closed periods");
        periods.MapGet("/{period}", Show).RequireAuthorization(Roles.MayRead).WithSummary("What a month has issued, or would issue if it were closed now");
        periods.MapPost("/{period}/close", Close).RequireAuthorization(Roles.MayManage).WithSummary("Issues the invoices of a month, once; refused while a host is not metered up to its end and not waived by name");
        periods.MapGet("/{period}/closing", Closing).RequireAuthorization(Roles.MayManage).WithSummary("How far the closing of a month is that runs in this process now; 404 when none does");
        periods.MapGet("/{period}/manifest", Manifest).RequireAuthorization(Roles.MayManage).WithSummary("The manifest of a closed month, byte for byte as it was hashed").Produces<PeriodManifest>(200);
    }

    private static async Task<Ok<List<PeriodEntry>>> List(LedgerStore store, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        return TypedResults.Ok((await InvoiceStore.PeriodsAsync(connection, cancel)).ConvertAll(one => new PeriodEntry(one.Id, one.Hash)));
    }

    private static async Task<Results<Ok<PeriodView>, ProblemHttpResult>> Show(string period, Caller caller, PeriodReport report, CancellationToken cancel) =>
        BillingPeriod.TryParse(period, out var month) ? TypedResults.Ok(await report.ShowAsync(month, caller, cancel)) : NoMonth(period);

    private static async Task<Results<Ok<PeriodView>, ProblemHttpResult>> Close(
        string period, CloseRequest? request, Caller caller, ClaimsPrincipal user, PeriodCloser closer, PeriodReport report, CancellationToken cancel)
    {
        if (!BillingPeriod.TryParse(period, out var month)) return NoMonth(period);
        if (request?.Waive is { Count: > MaxWaivers }) return Problems.Invalid($"'waive' has {request.Waive.Count} hosts; at most {MaxWaivers} are taken.");
        try
        {
            await closer.CloseAsync(month, request?.Waive ?? [], user, cancel);
            return TypedResults.Ok(await report.ShowAsync(month, caller, cancel));
        }
        catch (RuleBrokenException refused)
        {
            return Problems.NotReady(refused.Faults);
        }
    }

    private static Results<Ok<ClosingState>, ProblemHttpResult> Closing(string period, ClosingProgress progress)
    {
        if (!BillingPeriod.TryParse(period, out var month)) return NoMonth(period);
        return progress.Of(month) is { } step ? TypedResults.Ok(new ClosingState(month.ToString(), step.Stage, step.Done, step.Total)) : Problems.Unknown("closing of month", period);
    }

    private static async Task<Results<ContentHttpResult, ProblemHttpResult>> Manifest(string period, LedgerStore store, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        return (await InvoiceStore.PeriodsAsync(connection, cancel)).Find(one => one.Id == period) is { } closed
            ? TypedResults.Text(closed.Manifest, "application/json") : Problems.Unknown("closed period", period);
    }

    private static ProblemHttpResult NoMonth(string period) => Problems.Invalid($"'{period}' is no month; write it as 2026-10.");
}
