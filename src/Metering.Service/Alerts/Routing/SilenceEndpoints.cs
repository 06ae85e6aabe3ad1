using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Alerts.Routing;

/// <summary><c>/v1/silences</c>.</summary>
internal static class SilenceEndpoints
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(366);

    /// <param name="StartsAt">Left out: now.</param>
    /// <param name="Author">Left out: the name of the key.</param>
    internal sealed record SilenceDocument(JsonElement Match, DateTimeOffset? StartsAt, DateTimeOffset? EndsAt, string? Author, string? Comment);

    internal sealed record SilenceView(string Id, IReadOnlyDictionary<string, string> Match, DateTimeOffset StartsAt, DateTimeOffset EndsAt, string Author, string Comment, string State);

    public static void MapSilences(this IEndpointRouteBuilder routes)
    {
        var silences = routes.MapGroup("/v1/silences").WithTags("Alerts").RequireAuthorization(Roles.MayManage);
        silences.MapGet("/", List).WithSummary("Maintenance silences, the one that ends last first").AsList();
        silences.MapPost("/", Add).WithSummary("Keeps alerts that match from being sent, from startsAt (default now) to endsAt");
        silences.MapDelete("/{id}", End).WithSummary("Ends a silence now; what still fires is sent");
    }

    private static async Task<Ok<List<SilenceView>>> List(AlertBook book, TimeProvider clock, CancellationToken cancel) => TypedResults.Ok((await book.SilencesAsync(cancel)).ConvertAll(silence => View(silence, clock.GetUtcNow())));

    private static async Task<Results<Created<SilenceView>, ProblemHttpResult>> Add(SilenceDocument document, ClaimsPrincipal user, AlertBook book, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var faults = new List<Fault>();
        EndpointReader.CheckLabels("match", document.Match, faults);
        if (faults.Count == 0 && !document.Match.EnumerateObject().Any()) faults.Add(new Fault("match", "is empty; a silence of everything is {\"severity\":\"*\"}, said on purpose."));
        var from = document.StartsAt ?? now;
        if (document.EndsAt is not { } to) faults.Add(new Fault("endsAt", "is missing: a silence has an end."));
        else if (to <= now || to <= from) faults.Add(new Fault("endsAt", "is not after startsAt and now."));
        else if (to - from > Longest) faults.Add(new Fault("endsAt", $"is more than {Longest.TotalDays} days after startsAt."));
        if (document.Comment is not { Length: > 0 and <= 500 }) faults.Add(new Fault("comment", "says why, in 1 to 500 characters."));
        if (document.Author is { Length: 0 or > 100 }) faults.Add(new Fault("author", "has 1 to 100 characters."));
        if (faults.Count > 0) return Problems.Rule(faults);
        var match = document.Match.Deserialize<Dictionary<string, string>>(LedgerJson.Options)!;
        var silence = await book.AddAsync(match, from, document.EndsAt!.Value, document.Author ?? user.Identity?.Name ?? "admin", document.Comment!, user, cancel);
        return TypedResults.Created("/v1/silences/" + silence.Id, View(silence, now));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> End(string id, ClaimsPrincipal user, AlertBook book, CancellationToken cancel) =>
        await book.EndAsync(id, user, cancel) ? TypedResults.NoContent() : Problems.Unknown("silence that has not ended", id);

    private static SilenceView View(Silence silence, DateTimeOffset now) =>
        new(silence.Id, silence.Match, silence.StartsAt, silence.EndsAt, silence.Author, silence.Comment, silence.IsActive(now) ? "active" : silence.EndsAt <= now ? "ended" : "planned");
}
