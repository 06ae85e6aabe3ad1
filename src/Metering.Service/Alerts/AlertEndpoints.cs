using System.ComponentModel;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Alerts.Routing;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Alerts;

/// <summary><c>/v1/alerts</c>, and the routes of endpoints, deliveries and silences.</summary>
internal static class AlertEndpoints
{
    private const int MaxLimit = 1_000;

    internal sealed record AlertView(string Id, string Quota, string? Tenant, DateTimeOffset At, string State, string Severity, string Alert, string? Silence, JsonElement Data);

    public static void MapAlerts(this IEndpointRouteBuilder routes)
    {
        var alerts = routes.MapGroup("/v1/alerts").WithTags("Alerts").RequireAuthorization(Roles.MayRead);
        alerts.MapGet("/", List).AsTable().WithSummary("Changes of state of alerts, newest first; state=firing, pending or resolved; the next page in header X-Next-Cursor");
        alerts.MapGet("/current", Current).AsList().WithSummary("Alerts as they are now, those that fire first; state=firing, pending or resolved");
        routes.MapWebhooks();
        routes.MapDeliveries();
        routes.MapSilences();
    }

    private static async Task<Results<Ok<List<AlertView>>, ProblemHttpResult>> List(
        Caller caller, [Description("1 to 1000; default 100")] int? limit, [Description("X-Next-Cursor of the page before")] string? cursor, [Description("firing, pending or resolved")] string? state,
        [Description("Id of the quota that they are of")] string? quota, LedgerStore store, HttpResponse response, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxLimit) return ListAnswers.NoLimit(limit, MaxLimit);
        if (!PageCursor.TryRead(cursor, out var after)) return ListAnswers.NoCursor();
        if (!IsState(state)) return NoState(state);
        var (at, id) = (after?.At ?? long.MaxValue, after?.Id ?? "");
        await using var context = await store.ReadContextAsync(caller, cancel);
        var rows = await context.Set<Alert>().AsNoTracking().Where(alert => (caller.Tenant == null || alert.Tenant == caller.Tenant) && (state == null || alert.State == state) && (quota == null || alert.Quota == quota) && (alert.At < at || (alert.At == at && string.Compare(alert.Id, id) > 0)))
            .OrderByDescending(alert => alert.At).ThenBy(alert => alert.Id).Take((limit ?? 100) + 1).ToListAsync(cancel);
        return TypedResults.Ok(ListAnswers.Page(response, rows, limit ?? 100, last => new PageCursor(last.At, last.Id).Write()).ConvertAll(row => new AlertView(row.Id, row.Quota, row.Tenant, UnixTime.FromMicroseconds(row.At), row.State, row.Severity, row.Key, row.Silence, JsonSerializer.Deserialize<JsonElement>(row.Json))));
    }

    private static async Task<Results<Ok<List<CurrentAlert>>, ProblemHttpResult>> Current(Caller caller, [Description("firing, pending or resolved")] string? state, AlertBook book, CancellationToken cancel) =>
        IsState(state) ? TypedResults.Ok(await book.CurrentAsync(caller, state, int.MaxValue, cancel)) : NoState(state);

    private static bool IsState(string? state) => state is null or "firing" or "pending" or "resolved";

    private static ProblemHttpResult NoState(string? state) => Problems.Invalid($"'state' is '{state}'; it is firing, pending or resolved.");
}
