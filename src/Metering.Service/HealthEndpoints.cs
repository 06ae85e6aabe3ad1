using Metering.Exposition;
using Metering.Service.Access;
using Metering.Service.Ingest;
using Metering.Service.Ingest.RabbitMq;
using Metering.Service.Ledger;
using Metering.Service.Reports;
using Metering.Service.Verification;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Service;

/// <summary><c>/healthz</c> (the process lives), <c>/readyz</c> (it can do its work) and <c>/metrics</c>.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", () => TypedResults.Text("ok\n")).AllowAnonymous().ExcludeFromDescription();
        routes.MapGet("/readyz", Ready).AllowAnonymous().ExcludeFromDescription();
    }

    public static void MapMetrics(this WebApplication app)
    {
        var exporter = app.Services.GetRequiredService<IMetricsExporter>();
        var ledger = app.Services.GetRequiredService<LedgerMetrics>();
        var money = app.Services.GetRequiredService<MoneyMetrics>();
        exporter.AddSource(ledger.Write);
        exporter.AddSource(money.Write);
        IngestMetrics.Begin();
        HostAlarms.Begin();
        VerifyMetrics.Begin();
        if (app.Services.GetService<TimeSeries.TimeSeriesOptions>() is not null) TimeSeries.SeriesState.Begin();
        app.MapGet("/metrics", async (HttpContext context, Inventory inventory) =>
        {
            await ledger.RefreshAsync(inventory, context.RequestAborted);
            await money.RefreshAsync(context.RequestAborted);
            var format = ExpositionFormats.Negotiate(context.Request.Headers.Accept);
            context.Response.ContentType = format.ContentType();
            await exporter.WriteAsync(format, context.Response.Body, context.RequestAborted);
        }).RequireAuthorization(Roles.MayScrape).WithTags("Operations").WithSummary("Prometheus text or OpenMetrics, by Accept").Produces<string>(200, "text/plain", "application/openmetrics-text");
    }

    private static async Task<IResult> Ready(LedgerStore store, GroupCommit ingest, IServiceProvider services, CancellationToken cancel)
    {
        try
        {
            await using var connection = await store.OpenReadAsync(cancel);
        }
        catch (LedgerUnavailableException e)
        {
            return Problems.Unavailable(e.Message);
        }

        if (ingest.Trouble is { } trouble) return Problems.Unavailable(trouble);
        return services.GetService<BrokerStatus>() is { IsConsumerAttached: false } broker ? Problems.Unavailable(broker.Trouble ?? "The broker is not attached.")
            : TypedResults.Text(store.Unprotected is null ? "ready\n" : "ready, without row-level security: the log and 'metering doctor' tell why\n");
    }
}
