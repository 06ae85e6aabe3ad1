using System.Data.Common;
using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Applying;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Service.Spreadsheets;
using Metering.Service.Tenants;
using Metering.Service.Verification;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Reports.Schedules;

/// <summary><c>/v1/reports</c>: schedules, and what they have made.</summary>
internal static class ScheduleEndpoints
{
    private const string VersionSql = "SELECT json FROM report_schedule WHERE id = @id";

    public static void MapSchedules(this IEndpointRouteBuilder routes)
    {
        var schedules = routes.MapGroup("/v1/reports").WithTags("Reports").RequireAuthorization(Roles.MayManage);
        schedules.MapGet("/", List).WithSummary("Scheduled reports, with their last occurrence").AsList();
        schedules.MapGet("/{id}", Get).WithSummary("One schedule").WithVersion(VersionSql);
        schedules.MapPut("/{id}", Put).WithSummary("Makes or changes a schedule; it is due from now on").WithVersion(VersionSql);
        schedules.MapPost("/apply", Apply).WithSummary("Makes or changes several schedules, all or none; check=true only tells the faults");
        schedules.MapDelete("/{id}", Delete).WithSummary("Removes a schedule and what it has made").WithVersion(VersionSql);
        schedules.MapPost("/{id}/run", Run).WithSummary("Makes and delivers the report now");
        schedules.MapGet("/{id}/runs/{occurrence:long}", Content).WithSummary("What an occurrence has made").Produces<string>(200, "text/csv", Spreadsheets.Workbook.ContentType);
    }

    private static async Task<Ok<List<ScheduleView>>> List(LedgerStore store, CancellationToken cancel) => TypedResults.Ok(await ReadAsync(store, null, cancel));

    private static async Task<Results<Ok<ReportSchedule>, ProblemHttpResult>> Get(string id, LedgerStore store, CancellationToken cancel) =>
        await ReadAsync(store, id, cancel) is [var found] ? TypedResults.Ok(found.Schedule) : Problems.Unknown("scheduled report", id);

    private static async Task<Results<Ok<ReportSchedule>, ProblemHttpResult>> Put(string id, ReportSchedule schedule, ClaimsPrincipal user, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        try
        {
            await store.WriteAsync(transaction => PutAsync(transaction, id, schedule, user, options, clock.GetUtcNow(), cancel), cancel);
            return TypedResults.Ok(schedule);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Rule(refused.Faults);
        }
    }

    private static Task<Results<NoContent, ProblemHttpResult>> Apply(ApplyRequest request, bool? check, ClaimsPrincipal user, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel) =>
        DocumentApply.RunAsync<ReportSchedule>(request, check, store, DocumentVersions.ById(VersionSql), (transaction, id, schedule, _) => PutAsync(transaction, id, schedule, user, options, clock.GetUtcNow(), cancel), cancel);

    private static async Task PutAsync(LedgerTransaction transaction, string id, ReportSchedule schedule, ClaimsPrincipal user, LedgerOptions options, DateTimeOffset now, CancellationToken cancel)
    {
        var tenants = await transaction.Context.Set<Tenant>().Select(tenant => tenant.Id).ToListAsync(cancel);
        var webhooks = await transaction.Context.Set<Webhook>().Select(webhook => webhook.Id).ToListAsync(cancel);
        var found = ScheduleRules.Check(id, schedule, tenants.ToHashSet(StringComparer.Ordinal), webhooks.ToHashSet(StringComparer.Ordinal));
        var parameters = new UsageParameters { From = schedule.From, To = schedule.To, Step = schedule.Step, GroupBy = schedule.GroupBy, Filter = schedule.Filter?.ToArray(), With = schedule.With };
        UsageQuery.From(parameters, Caller.Local, await LedgerGrain.ReadAsync(transaction, options), transaction.Store.IsPostgres, now, out var wrong);
        found.AddRange(wrong.Select(fault => new Fault("", fault)));
        RuleBrokenException.ThrowIfAny(found);
        var before = await transaction.Command("SELECT json FROM report_schedule WHERE id = @id", ("@id", id)).ExecuteScalarAsync(cancel) as string;
        await transaction.ExecuteAsync("INSERT INTO report_schedule (id, json, since) VALUES (@id, @json, @now) ON CONFLICT (id) DO UPDATE SET json = excluded.json",
            ("@id", id), ("@json", JsonSerializer.Serialize(schedule, LedgerJson.Options)), ("@now", now.ToUnixTimeSeconds()));
        await AuditTrail.AddAsync(transaction, now, user, "report-schedule.put", id, before, AuditTrail.Text(schedule));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string id, ClaimsPrincipal user, LedgerStore store, TimeProvider clock, CancellationToken cancel)
    {
        var deleted = await store.WriteAsync(async transaction =>
        {
            await transaction.ExecuteAsync("DELETE FROM report_run WHERE schedule = @id", ("@id", id));
            var before = await transaction.Command("SELECT json FROM report_schedule WHERE id = @id", ("@id", id)).ExecuteScalarAsync(cancel) as string;
            var rows = await transaction.ExecuteAsync("DELETE FROM report_schedule WHERE id = @id", ("@id", id));
            if (rows > 0) await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), user, "report-schedule.delete", id, before, null);
            return rows;
        }, cancel);
        return deleted > 0 ? TypedResults.NoContent() : Problems.Unknown("scheduled report", id);
    }

    private static async Task<Results<Ok<ScheduleView>, ProblemHttpResult>> Run(string id, LedgerStore store, ReportDispatcher dispatcher, TimeProvider clock, CancellationToken cancel)
    {
        if (await ReadAsync(store, id, cancel) is not [var found]) return Problems.Unknown("scheduled report", id);
        await dispatcher.MakeAsync(id, found.Schedule, clock.GetUtcNow().ToUnixTimeSeconds(), isDue: false, cancel);
        await dispatcher.DeliverAsync(cancel);
        return TypedResults.Ok((await ReadAsync(store, id, cancel))[0]);
    }

    private static async Task<IResult> Content(string id, long occurrence, LedgerStore store, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, "SELECT format, content FROM report_run WHERE schedule = @id AND occurrence = @occurrence", ("@id", id), ("@occurrence", occurrence));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        if (!await rows.ReadAsync(cancel)) return Problems.Unknown("report", $"{id}/{occurrence}");
        var format = rows.GetString(0);
        return TypedResults.Bytes((byte[])rows[1], format switch { "csv" => "text/csv; charset=utf-8; header=present", "json" => "application/json", _ => Workbook.ContentType }, ReportDispatcher.NameOf(id, occurrence, format));
    }

    private static async Task<List<ScheduleView>> ReadAsync(LedgerStore store, string? id, CancellationToken cancel)
    {
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, """
            SELECT s.id, s.json, r.occurrence, r.delivered_at, r.error FROM report_schedule s
            LEFT JOIN report_run r ON r.schedule = s.id AND r.occurrence = (SELECT MAX(l.occurrence) FROM report_run l WHERE l.schedule = s.id) WHERE @all = 1 OR s.id = @id ORDER BY s.id
            """, ("@all", id is null ? 1L : 0L), ("@id", id ?? ""));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var found = new List<ScheduleView>();
        while (await rows.ReadAsync(cancel)) found.Add(new ScheduleView(rows.GetString(0), JsonSerializer.Deserialize<ReportSchedule>(rows.GetString(1), LedgerJson.Options)!, At(rows, 2), At(rows, 3), rows.IsDBNull(4) ? null : rows.GetString(4)));
        return found;
    }

    private static DateTimeOffset? At(DbDataReader rows, int column) => rows.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeSeconds(rows.GetInt64(column));
}
