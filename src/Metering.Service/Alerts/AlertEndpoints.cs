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
    internal sealed record AlertView(string Id, string Quota, string? Tenant, DateTimeOffset At, string State, string Severity, string Alert, string? Silence, JsonElement Data);

    public static void MapAlerts(this IEndpointRouteBuilder routes)
    {
        var alerts = routes.MapGroup("/v1/alerts").WithTags("Alerts").RequireAuthorization(Roles.MayRead);
        alerts.MapGet("/", List).AsTable().WithSummary("Changes of state of alerts, newest first; state=firing or resolved, limit");
        alerts.MapGet("/current", Current).AsTable().WithSummary("Alerts as they are now, those that fire first; state=firing, pending or resolved, limit");
        routes.MapWebhooks();
        routes.MapDeliveries();
        routes.MapSilences();
    }

    private static async Task<Ok<List<AlertView>>> List(Caller caller, int? limit, string? state, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(caller, cancel);
        var rows = await context.Set<Alert>().AsNoTracking().Where(alert => (caller.Tenant == null || alert.Tenant == caller.Tenant) && (state == null || alert.State == state))
            .OrderByDescending(alert => alert.At).ThenBy(alert => alert.Id).Take(Math.Clamp(limit ?? 100, 1, 1000)).ToListAsync(cancel);
        return TypedResults.Ok(rows.ConvertAll(row => new AlertView(row.Id, row.Quota, row.Tenant, UnixTime.FromMicroseconds(row.At), row.State, row.Severity, row.Key, row.Silence, JsonSerializer.Deserialize<JsonElement>(row.Json))));
    }

    private static async Task<Ok<List<CurrentAlert>>> Current(Caller caller, int? limit, string? state, AlertBook book, CancellationToken cancel) =>
        TypedResults.Ok(await book.CurrentAsync(caller, state, Math.Clamp(limit ?? 100, 1, 1000), cancel));
}
