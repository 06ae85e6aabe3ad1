using Metering.Service.Access;
using Metering.Service.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Live;

/// <summary><c>GET /v1/live</c>: what <c>metering top</c> shows.</summary>
internal static class LiveEndpoints
{
    public static void MapLive(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/live", Live).WithTags("Reports").RequireAuthorization(Roles.MayRead)
            .WithSummary("Rates of every workload over the last windows: CPU, memory, I/O, cost per hour").Produces<LiveView>();

    private static async Task<IResult> Live(HttpRequest request, string? format, Caller caller, LiveFeed feed, CancellationToken cancel)
    {
        var view = await feed.GetAsync(caller, cancel);
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(["host", "kind", "id", "name", "path", "tenant", "cpuCores", "memoryBytes", "ioBytesPerSecond", "costPerHour", "currency"],
                view.Workloads.Select(row => (IReadOnlyList<object?>)[row.Host, row.Kind, row.Id, row.Name, row.Path, row.Tenant, row.CpuCores, row.MemoryBytes, row.IoBytesPerSecond, row.CostPerHour, row.Currency]))
            : TypedResults.Ok(view);
    }
}
