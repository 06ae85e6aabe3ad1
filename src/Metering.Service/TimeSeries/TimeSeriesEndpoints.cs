using System.Globalization;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Service.Reports;
using Metering.Units;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using NodaTime;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace Metering.Service.TimeSeries;

/// <summary><c>/v1/time-series</c>: how far the series are, what the server refused, and writing a span again.</summary>
internal static class TimeSeriesEndpoints
{
    private const int MaxLimit = 10_000;
    private const string Off = "TimeSeries:Url is not set, so there are no time series to write.";

    // It sends as fast as the server takes: one at a time.
    private static readonly SemaphoreSlim Turn = new(1, 1);

    internal sealed record ParkedPage(IReadOnlyList<ParkedView> Lines, string? NextCursor);

    public static void MapTimeSeries(this IEndpointRouteBuilder routes)
    {
        var series = routes.MapGroup("/v1/time-series").WithTags("Operations").RequireAuthorization(Roles.MayManage);
        series.MapGet("", Show).WithSummary("How far the time series are behind the ledger, and what keeps them");
        series.MapGet("/parked", Parked).AsTable().WithSummary("Points that the server refused, with its reason");
        series.MapDelete("/parked", Clear).WithSummary("Forgets the refused points");
        series.MapPost("/rebuild", Rebuild).WithSummary("Writes the points of a span again; one JSON object per line, the last one with 'done'").Produces<RebuildEvent>(200, "application/x-ndjson").ProducesProblem(409);
    }

    private static Task<SeriesView> Show(SeriesReport report, CancellationToken cancel) => report.ShowAsync(cancel);

    private static async Task<Results<Ok<ParkedPage>, ProblemHttpResult>> Parked(int? limit, string? cursor, LedgerStore store, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxLimit) return Problems.Invalid($"'limit' is {limit}; it is 1 to {MaxLimit}.");
        var after = 0L;
        if (cursor is not null && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after)) return Problems.Invalid("'cursor' is not one that this service gave; begin without it.");
        var most = limit ?? 1_000;
        await using var connection = await store.OpenReadAsync(cancel);
        await using var snapshot = await Verification.VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var lines = await SeriesParking.ListAsync(view, after, most + 1, cancel);
        var next = lines.Count > most ? lines[most - 1].Id.ToString(CultureInfo.InvariantCulture) : null;
        return TypedResults.Ok(new ParkedPage([.. lines.Take(most)], next));
    }

    private static async Task<NoContent> Clear(LedgerStore store, HttpContext context, TimeProvider clock, CancellationToken cancel)
    {
        await store.WriteAsync(async transaction =>
        {
            var lines = await transaction.ExecuteAsync("DELETE FROM series_parked");
            if (lines > 0) await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), context.User, "time-series.parked-deleted", "", AuditTrail.Text(new { lines }), null);
        }, cancel);
        return TypedResults.NoContent();
    }

    private static async Task Rebuild(string? from, string? to, HttpContext context, TimeProvider clock, IOptions<JsonOptions> json, CancellationToken cancel)
    {
        if (context.RequestServices.GetService<SeriesRebuild>() is not { } rebuild)
        {
            await Problems.Conflict(Off).ExecuteAsync(context);
            return;
        }

        var (first, last) = (0L, long.MaxValue);
        if (!TryInstant(from, clock, end: false, ref first) || !TryInstant(to, clock, end: true, ref last) || last <= first)
        {
            await Problems.Invalid("'from' and 'to' are instants such as 2026-10-01T00:00:00Z, 2026-10 or 7d, 'from' the earlier one; either may be left out.").ExecuteAsync(context);
            return;
        }

        if (!await Turn.WaitAsync(0, cancel))
        {
            await Problems.Conflict("The time series are being rebuilt already; wait for its end.").ExecuteAsync(context);
            return;
        }

        try
        {
            context.Response.ContentType = "application/x-ndjson; charset=utf-8";
            context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            await foreach (var one in rebuild.RunAsync(first, last, cancel))
            {
                await JsonSerializer.SerializeAsync(context.Response.Body, one, json.Value.SerializerOptions, cancel);
                await context.Response.Body.WriteAsync("\n"u8.ToArray(), cancel);
                await context.Response.Body.FlushAsync(cancel);
            }
        }
        finally
        {
            Turn.Release();
        }
    }

    private static bool TryInstant(string? text, TimeProvider clock, bool end, ref long microseconds)
    {
        if (text is null) return true;
        if (!TimeRange.TryInstant(text, DateTimeZone.Utc, Instant.FromDateTimeOffset(clock.GetUtcNow()), end, out var at)) return false;
        microseconds = at.ToDateTimeOffset().ToUnixMicroseconds();
        return microseconds >= 0;
    }
}
