using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Reports;

/// <summary><c>/v1/usage</c>, <c>/v1/costs</c>, <c>/v1/hosts</c>, <c>/v1/workloads</c>, <c>/v1/proof</c>, <c>/v1/meters</c>.</summary>
internal static class ReportEndpoints
{
    public static void MapReports(this IEndpointRouteBuilder routes)
    {
        var reports = routes.MapGroup("/v1").WithTags("Reports").RequireAuthorization(Roles.MayRead);
        reports.MapGet("/usage", Usage).WithSummary("Usage by time and by tenant, host, kind, workload or label").Produces<UsagePage>().ProducesProblem(400);
        reports.MapGet("/costs", Costs).WithSummary("The same, priced by each tenant's price book").Produces<CostPage>().ProducesProblem(400);
        reports.MapGet("/hosts", Hosts).WithSummary("The hosts, how far each is metered and what each can meter").Produces<HostPage>();
        reports.MapGet("/workloads", Workloads).WithSummary("The workloads that were ever seen").Produces<WorkloadPage>();
        reports.MapGet("/proof", Proof).WithSummary("What the stored batches bill to a cgroup path and below, for comparison with the kernel").Produces<ProofView>().ProducesProblem(404);
        reports.MapGet("/meters", Meters).WithSummary("What is metered, in which unit, from which kernel file");
    }

    private static async Task<IResult> Usage([AsParameters] UsageParameters parameters, HttpRequest request, Caller caller, UsageReport report, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        if (UsageQuery.From(parameters, caller, await LedgerGrain.ReadAsync(store, options, cancel), store.IsPostgres, clock.GetUtcNow(), out var faults) is not { } query) return Problems.Invalid(string.Join(" ", faults));
        var page = await report.RunAsync(query, cancel);
        if (!CsvAnswer.Wanted(request, parameters.Format)) return TypedResults.Ok(page);
        var meters = MeterCatalogue.All.Select(meter => meter.Name).ToArray();
        return new CsvAnswer(
            ["start", "end", .. KeyHeader(query), .. meters, "coverage", "estimatedShare", "unscrapedCpuSeconds", "unscrapedShare"],
            page.Rows.Select(row => (IReadOnlyList<object?>)[row.Start, row.End, .. KeyValues(query, row.Key), .. meters.Select(name => (object?)(row.Quantities.TryGetValue(name, out var value) ? value : null)), row.Coverage, row.EstimatedShare, row.UnscrapedCpuSeconds, row.UnscrapedShare]),
            page.NextCursor);
    }

    private static async Task<IResult> Costs([AsParameters] UsageParameters parameters, [Microsoft.AspNetCore.Mvc.FromQuery, System.ComponentModel.Description("hosts: shares of what the hosts cost, instead of the price books")] string? allocation,
        HttpRequest request, Caller caller, CostReport report, AllocationReport allocations, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        if (UsageQuery.From(parameters, caller, await LedgerGrain.ReadAsync(store, options, cancel), store.IsPostgres, clock.GetUtcNow(), out var faults) is not { } query) return Problems.Invalid(string.Join(" ", faults));
        if (allocation is not null)
        {
            if (string.Join(" ", AllocationReport.Faults(allocation, query)) is { Length: > 0 } refused) return Problems.Invalid(refused);
            var shares = await allocations.RunAsync(query, cancel);
            if (!CsvAnswer.Wanted(request, parameters.Format)) return TypedResults.Ok(shares);
            var (header, rows) = AllocationReport.Csv(query, shares);
            return new CsvAnswer(header, rows, shares.NextCursor);
        }

        var page = await report.RunAsync(query, cancel);
        if (!CsvAnswer.Wanted(request, parameters.Format)) return TypedResults.Ok(page);
        string[] meters = [.. MeterCatalogue.All.Select(meter => meter.Name), "workloadHours", "workloadMonths", "months"];
        return new CsvAnswer(
            ["start", "end", .. KeyHeader(query), "currency", "cost", .. meters],
            page.Rows.Select(row => (IReadOnlyList<object?>)[row.Start, row.End, .. KeyValues(query, row.Key), row.Currency, row.Cost, .. meters.Select(name => (object?)(row.Charges.TryGetValue(name, out var value) ? value : null))]),
            page.NextCursor);
    }

    private static async Task<IResult> Hosts(HttpRequest request, string? format, Caller caller, Inventory inventory, CancellationToken cancel)
    {
        var hosts = await inventory.HostsAsync(caller, cancel);
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(["host", "epoch", "lastWindowEnd", "committedSequence", "missingBatches", "coverage", "cpus", "memoryBytes"],
                hosts.Select(host => (IReadOnlyList<object?>)[host.Host, host.Epoch, host.LastWindowEnd, host.CommittedSequence, host.MissingBatches, host.Coverage, host.Cpus, host.MemoryBytes]))
            : TypedResults.Ok(new HostPage(hosts));
    }

    private static async Task<IResult> Workloads(HttpRequest request, string? filter, int? limit, string? cursor, string? format, Caller caller, Inventory inventory, CancellationToken cancel)
    {
        if (limit is < 1 or > 10_000) return Problems.Invalid($"'limit' is {limit}; it is 1 to 10000.");
        var page = await inventory.WorkloadsAsync(caller, filter, limit ?? 1000, cursor, cancel);
        return page is null ? Problems.Invalid("The cursor or the filter is none of ours.") : CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(["host", "kind", "id", "name", "path", "tenant", "project", "firstSeen", "lastSeen", "ended"],
                page.Workloads.Select(row => (IReadOnlyList<object?>)[row.Host, row.Kind, row.Id, row.Name, row.Path, row.Tenant, row.Project, row.FirstSeen, row.LastSeen, row.Ended]), page.NextCursor)
            : TypedResults.Ok(page);
    }

    private static async Task<IResult> Proof(string? host, string? path, Caller caller, ProofReport report, CancellationToken cancel)
    {
        if (string.IsNullOrEmpty(host) || path is null || !path.StartsWith('/')) return Problems.Invalid("Give host=… and path=/…, the cgroup path below the cgroup2 root.");

        // Parents hold the usage of all tenants below them, so a reader of one tenant does not see them.
        var proof = caller.Tenant is null ? await report.FindAsync(host, path, cancel) : null;
        return proof is null ? Problems.Unknown("metered cgroup", $"{host}:{path}") : TypedResults.Ok(proof);
    }

    private static IResult Meters(HttpRequest request, string? format)
    {
        var meters = MeterCatalogue.All.Select(meter => new MeterView(meter.Name, meter.Wire, meter.Unit, meter.Scale, meter.Kind == MeterKind.Sum ? "sum" : "peak", meter.Family.ToString().ToLowerInvariant(), meter.Source)).ToArray();
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(["name", "wireName", "unit", "scale", "kind", "family", "source"], meters.Select(meter => (IReadOnlyList<object?>)[meter.Name, meter.WireName, meter.Unit, meter.Scale, meter.Kind, meter.Family, meter.Source]))
            : TypedResults.Ok(new { meters });
    }

    private static IEnumerable<string> KeyHeader(UsageQuery query) =>
        query.GroupBy.SelectMany(dimension => dimension.Name == "workload" ? (IEnumerable<string>)["workloadId", "workloadKind", "workloadName", "workloadPath", "workloadHost"] : [dimension.Name]);

    private static IEnumerable<object?> KeyValues(UsageQuery query, IReadOnlyDictionary<string, object> key) =>
        query.GroupBy.SelectMany(dimension => key[dimension.Name] is WorkloadKey workload ? (IEnumerable<object?>)[workload.Id, workload.Kind, workload.Name, workload.Path, workload.Host] : [key[dimension.Name]]);
}
