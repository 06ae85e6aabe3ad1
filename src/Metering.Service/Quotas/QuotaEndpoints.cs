using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Alerts;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Quotas;

/// <summary><c>/v1/quotas</c>.</summary>
internal static class QuotaEndpoints
{
    /// <param name="Value">Used in the open window, in the unit of the limit.</param>
    internal sealed record QuotaView(
        string Id, QuotaSubject Subject, string Meter, string Window, decimal Limit, IReadOnlyList<decimal> Thresholds, IReadOnlyList<string> Notify,
        decimal Value, decimal Percent, IReadOnlyList<string> Fired, DateTimeOffset WindowStart, DateTimeOffset WindowEnd);

    public static void MapQuotas(this IEndpointRouteBuilder routes)
    {
        var quotas = routes.MapGroup("/v1/quotas").WithTags("Quotas");
        quotas.MapGet("/", List).RequireAuthorization(Roles.MayRead).WithSummary("The quotas with their present figures");
        quotas.MapGet("/{id}", Get).RequireAuthorization(Roles.MayRead).WithSummary("One quota with its present figure");
        quotas.MapPut("/{id}", Put).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes a quota; what was used in the open window counts");
        quotas.MapDelete("/{id}", Delete).RequireAuthorization(Roles.MayManage).WithSummary("Removes a quota");
    }

    private static async Task<Ok<List<QuotaView>>> List(Caller caller, LedgerStore store, TimeProvider clock, CancellationToken cancel) => TypedResults.Ok(await ViewAsync(caller, null, store, clock, cancel));

    private static async Task<Results<Ok<QuotaView>, ProblemHttpResult>> Get(string id, Caller caller, LedgerStore store, TimeProvider clock, CancellationToken cancel) =>
        await ViewAsync(caller, id, store, clock, cancel) is [var view] ? TypedResults.Ok(view) : Problems.Unknown("quota", id);

    private static async Task<Results<Ok<Quota>, ProblemHttpResult>> Put(string id, Quota quota, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        var faults = await store.WriteAsync(async transaction =>
        {
            var webhooks = await transaction.Context.Set<Webhook>().Select(webhook => webhook.Id).ToListAsync(cancel);
            var found = QuotaRules.Check(id, quota, webhooks.ToHashSet(StringComparer.Ordinal));
            found.AddRange(CostQuotaGuard.Check(id, quota, await PriceCatalogue.LoadAsync(transaction.Context, cancel), clock.GetUtcNow()));
            if (found.Count > 0) return found;
            var known = await transaction.Context.Set<StoredQuota>().FirstOrDefaultAsync(row => row.Id == id, cancel);
            if (known is null) transaction.Context.Add(known = new StoredQuota { Id = id });
            known.Json = JsonSerializer.Serialize(quota, LedgerJson.Options);
            await transaction.Context.SaveChangesAsync(cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
            await QuotaEvaluator.RebuildAsync(transaction, id, quota, options, clock.GetUtcNow());
            return found;
        }, cancel);
        return faults.Count > 0 ? Problems.Rule(faults) : TypedResults.Ok(quota);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string id, LedgerStore store, CancellationToken cancel)
    {
        var deleted = await store.WriteAsync(async transaction =>
        {
            var rows = await transaction.ExecuteAsync("DELETE FROM quota WHERE id = @id", ("@id", id));
            await transaction.ExecuteAsync("DELETE FROM quota_window WHERE quota = @id", ("@id", id));
            await transaction.ExecuteAsync("DELETE FROM quota_use WHERE quota = @id", ("@id", id));
            await LedgerSnapshot.RaiseAsync(transaction);
            return rows;
        }, cancel);
        return deleted > 0 ? TypedResults.NoContent() : Problems.Unknown("quota", id);
    }

    internal static async Task<List<QuotaView>> ViewAsync(Caller caller, string? id, LedgerStore store, TimeProvider clock, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var prices = await PriceCatalogue.LoadAsync(context, cancel);
        var stored = await context.Set<StoredQuota>().AsNoTracking().Where(row => id == null || row.Id == id).OrderBy(row => row.Id).ToListAsync(cancel);
        var views = new List<QuotaView>();
        await using var connection = await store.OpenReadAsync(cancel);
        foreach (var row in stored)
        {
            var quota = JsonSerializer.Deserialize<Quota>(row.Json, LedgerJson.Options)!;
            if (caller.Tenant is not null && caller.Tenant != quota.Subject.Tenant) continue;
            var (start, end) = QuotaWindow.Of(quota.Window, clock.GetUtcNow().ToUnixTimeSeconds(), prices.ZoneOf(quota.Subject.Tenant ?? ""));
            var (components, fired) = await ReadAsync(connection, row.Id, start, cancel);
            var value = QuotaEvaluator.Value(quota, components, prices);
            views.Add(new QuotaView(row.Id, quota.Subject, quota.Meter, quota.Window, quota.Limit, quota.Thresholds, quota.Notify, value, Math.Round(value / quota.Limit * 100, 4),
                fired, DateTimeOffset.FromUnixTimeSeconds(start), DateTimeOffset.FromUnixTimeSeconds(end)));
        }

        return views;
    }

    private static async Task<(Dictionary<string, decimal> Components, string[] Fired)> ReadAsync(System.Data.Common.DbConnection connection, string quota, long start, CancellationToken cancel)
    {
        var components = new Dictionary<string, decimal>(StringComparer.Ordinal);
        await using (var command = Command("SELECT component, used FROM quota_use WHERE quota = @quota AND window_start = @start"))
        await using (var rows = await command.ExecuteReaderAsync(cancel))
        {
            while (await rows.ReadAsync(cancel)) components[rows.GetString(0)] = rows.GetDecimal(1);
        }

        await using var fired = Command("SELECT fired FROM quota_window WHERE quota = @quota AND window_start = @start");
        var text = await fired.ExecuteScalarAsync(cancel) as string ?? "";
        return (components, text.Split(',', StringSplitOptions.RemoveEmptyEntries));

        System.Data.Common.DbCommand Command(string sql)
        {
            var command = connection.CreateCommand();
            command.CommandText = sql;
            foreach (var (name, value) in new (string, object)[] { ("@quota", quota), ("@start", start) })
            {
                var parameter = command.CreateParameter();
                (parameter.ParameterName, parameter.Value) = (name, value);
                command.Parameters.Add(parameter);
            }

            return command;
        }
    }
}
