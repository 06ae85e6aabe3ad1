using Metering.Meters;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Reports;

/// <summary><c>/v1/usage</c>, <c>/v1/costs</c>, <c>/v1/hosts</c>, <c>/v1/workloads</c>, <c>/v1/proof</c>, <c>/v1/meters</c>.</summary>
internal static class ReportEndpoints
{
    public static void MapReports(this IEndpointRouteBuilder routes)
    {
        var reports = routes.MapGroup("/v1").WithTags("Reports").RequireAuthorization(Roles.MayRead);
        reports.MapGet("/usage", Usage).WithSummary("Usage by time and by tenant, host, kind, workload or label").Produces<UsagePage>(200, "application/json", "text/csv", Spreadsheets.Workbook.ContentType).ProducesProblem(400);
        reports.MapGet("/costs", Costs).WithSummary("The same, priced by each tenant's price book").Produces<CostPage>(200, "application/json", "text/csv", Spreadsheets.Workbook.ContentType).ProducesProblem(400);
        reports.MapGet("/costs/forecast", Forecast).WithSummary("What the current month costs so far, and at its end by the days of the last four weeks").Produces<ForecastPage>(200, "application/json", "text/csv", Spreadsheets.Workbook.ContentType).ProducesProblem(400);
        reports.MapGet("/recommendations", Recommendations).WithSummary("What each workload should reserve, by the 95th percentile of what it used, and what that saves").Produces<RecommendationPage>(200, "application/json", "text/csv", Spreadsheets.Workbook.ContentType).ProducesProblem(400);
        reports.MapGet("/rollup", RollupState).RequireAuthorization(Roles.MayManage).WithSummary("How far the sums are that cost reports by tenant are made of").Produces<RollupView>();
        reports.MapGet("/hosts", Hosts).WithSummary("The hosts, how far each is metered and what each can meter").Produces<HostPage>();
        reports.MapGet("/workloads", Workloads).WithSummary("The workloads that were ever seen").Produces<WorkloadPage>();
        reports.MapGet("/proof", Proof).WithSummary("What the stored batches bill to a cgroup path and below, for comparison with the kernel").Produces<ProofView>().ProducesProblem(404);
        reports.MapGet("/meters", Meters).WithSummary("What is metered, in which unit, from which kernel file").Produces<MeterPage>(200, "application/json", "text/csv");
    }

    private static async Task<IResult> Usage([AsParameters] UsageParameters parameters, HttpRequest request, Caller caller, UsageReport report, ReportTables tables, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        if (TableAnswer.Wanted(request, parameters.Format) is { } format) return await TableAsync("usage", format, parameters, caller, tables, clock, cancel);
        if (UsageQuery.From(parameters, caller, await LedgerGrain.ReadAsync(store, options, cancel), store.IsPostgres, clock.GetUtcNow(), out var faults) is not { } query) return Problems.Invalid(string.Join(" ", faults));
        return query.IsUnlimited ? Unpaged() : TypedResults.Ok(await report.RunAsync(query, cancel));
    }

    private static async Task<IResult> Costs([AsParameters] UsageParameters parameters, [Microsoft.AspNetCore.Mvc.FromQuery, System.ComponentModel.Description("hosts: shares of what the hosts cost, instead of the price books")] string? allocation,
        HttpRequest request, Caller caller, CostReport report, ReportTables tables, AllocationReport allocations, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        var format = TableAnswer.Wanted(request, parameters.Format);
        if (format is not null && allocation is null) return await TableAsync("costs", format, parameters, caller, tables, clock, cancel);
        if (UsageQuery.From(parameters, caller, await LedgerGrain.ReadAsync(store, options, cancel), store.IsPostgres, clock.GetUtcNow(), out var faults) is not { } query) return Problems.Invalid(string.Join(" ", faults));
        if (allocation is not null)
        {
            if (string.Join(" ", AllocationReport.Faults(allocation)) is { Length: > 0 } refused) return Problems.Invalid(refused);
            if (query.IsUnlimited) query = query with { Limit = ReportTable.MaxSheetRows };
            var shares = await allocations.RunAsync(query, cancel);
            return format is null ? TypedResults.Ok(shares) : new TableAnswer(AllocationReport.Table(query, shares), format);
        }

        return query.IsUnlimited ? Unpaged() : TypedResults.Ok(await report.RunAsync(query, cancel));
    }

    private static async Task<IResult> Forecast([AsParameters] UsageParameters parameters, HttpRequest request, Caller caller, ForecastReport report, ReportTables tables, TimeProvider clock, CancellationToken cancel)
    {
        if (TableAnswer.Wanted(request, parameters.Format) is { } format) return await TableAsync("forecast", format, parameters, caller, tables, clock, cancel);
        var faults = new List<string>();
        return await report.RunAsync(parameters, caller, clock.GetUtcNow(), faults, cancel) is { } found ? TypedResults.Ok(new ForecastPage(found.From, found.To, found.Rows)) : Problems.Invalid(string.Join(" ", faults));
    }

    private static async Task<IResult> Recommendations([AsParameters] UsageParameters parameters, HttpRequest request, Caller caller, RecommendationReport report, ReportTables tables, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        if (TableAnswer.Wanted(request, parameters.Format) is { } format) return await TableAsync("recommendations", format, parameters, caller, tables, clock, cancel);
        if (UsageQuery.From(ReportTables.Recommended(parameters), caller, await LedgerGrain.ReadAsync(store, options, cancel), store.IsPostgres, clock.GetUtcNow(), out var faults) is not { } query) return Problems.Invalid(string.Join(" ", faults));
        return TypedResults.Ok(new RecommendationPage(UsageReport.At(query.FromSeconds), UsageReport.At(query.ToSeconds), await report.RunAsync(query, cancel)));
    }

    private static async Task<IResult> TableAsync(string report, string format, UsageParameters parameters, Caller caller, ReportTables tables, TimeProvider clock, CancellationToken cancel)
    {
        var faults = new List<string>();
        return await tables.MakeAsync(report, parameters, caller, clock.GetUtcNow(), faults, cancel) is { } table ? new TableAnswer(table, format) : Problems.Invalid(string.Join(" ", faults));
    }

    private static ProblemHttpResult Unpaged() => Problems.Invalid("'limit' is all, which is for csv and xlsx; as JSON take the pages by 'cursor'.");

    private static async Task<IResult> RollupState(RollupKeeper keeper, CancellationToken cancel) => TypedResults.Ok(await keeper.ShowAsync(cancel));

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
        var (proof, expired) = caller.Tenant is null ? await report.FindAsync(host, path, cancel) : default;
        if (proof is not null) return TypedResults.Ok(proof);
        return Problems.Unknown("metered cgroup", expired is { } end ? $"{host}:{path} (among the kept batches; those up to {end.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture)} have expired)" : $"{host}:{path}");
    }

    private static IResult Meters(HttpRequest request, string? format)
    {
        var meters = MeterCatalogue.All.Select(meter => new MeterView(meter.Name, meter.Wire, meter.Unit, meter.Scale, meter.Kind == MeterKind.Sum ? "sum" : "peak", meter.Family.ToString().ToLowerInvariant(), meter.Source)).ToArray();
        return CsvAnswer.Wanted(request, format)
            ? new CsvAnswer(["name", "wireName", "unit", "scale", "kind", "family", "source"], meters.Select(meter => (IReadOnlyList<object?>)[meter.Name, meter.WireName, meter.Unit, meter.Scale, meter.Kind, meter.Family, meter.Source]))
            : TypedResults.Ok(new MeterPage(meters));
    }
}
