using System.ComponentModel;
using System.Security.Claims;
using Metering.Identity;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Access;

/// <summary><c>/v1/api-keys</c>.</summary>
internal static class ApiKeyEndpoints
{
    private const int MaxName = 200;
    private static readonly TimeSpan DefaultOverlap = TimeSpan.FromDays(1), LongestOverlap = TimeSpan.FromDays(30);

    /// <param name="Expires">When it ends; left out: never.</param>
    internal sealed record NewKey(string? Role, string? Name, string? Tenant, string? Host, DateTimeOffset? Expires);

    /// <param name="LastUsedAt">To the minute; null: never, or not since it was counted.</param>
    internal sealed record KeyView(string Id, string Role, string Name, string? Tenant, string? Host, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt, string? Secret = null);

    public static void MapApiKeys(this IEndpointRouteBuilder routes)
    {
        var keys = routes.MapGroup("/v1/api-keys").WithTags("Keys").RequireAuthorization(Roles.MayManage);
        keys.MapGet("/", List).WithSummary("The keys, without their secrets").AsList();
        keys.MapPost("/", Create).WithSummary("Makes a key; the secret is shown here and never again. Two of the same role, tenant, host and name can be active");
        keys.MapPost("/{id}/rotate", Rotate).WithSummary("Makes a successor, whose secret is shown here and never again; the key itself ends after overlap (default 1d)");
        keys.MapDelete("/{id}", Delete).WithSummary("Revokes a key");
    }

    private static async Task<Ok<List<KeyView>>> List(LedgerStore store, KeyUse use, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var keys = await context.Set<ApiKey>().AsNoTracking().OrderBy(key => key.CreatedAt).ThenBy(key => key.Id).ToListAsync(cancel);
        return TypedResults.Ok(keys.ConvertAll(key => View(key, use.Of(key.Id), null)));
    }

    private static async Task<Results<Created<KeyView>, ProblemHttpResult>> Create(NewKey request, ClaimsPrincipal user, KeyRing ring, TimeProvider clock, CancellationToken cancel)
    {
        var faults = Faults(request, clock.GetUtcNow());
        if (faults.Count > 0) return Problems.Rule(faults);
        try
        {
            var (key, text) = await ring.CreateAsync(request.Role!, request.Name ?? request.Role!, request.Tenant, request.Host, Expires(request, clock.GetUtcNow()), user, cancel);
            return TypedResults.Created($"/v1/api-keys/{key.Id}", View(key, null, text));
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Conflict(refused.Message);
        }
    }

    private static async Task<Results<Created<KeyView>, ProblemHttpResult>> Rotate(string id, [Description("How long the key still works, 0s to 30d; default 1d")] string? overlap, ClaimsPrincipal user, KeyRing ring, CancellationToken cancel)
    {
        var span = DefaultOverlap;
        if (overlap is not null && (!Duration.TryParse(overlap, out span) || span < TimeSpan.Zero || span > LongestOverlap)) return Problems.Invalid("overlap is a time from 0s to 30d, such as 24h.");
        try
        {
            return await ring.RotateAsync(id, span, user, cancel) is var (key, text) ? TypedResults.Created($"/v1/api-keys/{key.Id}", View(key, null, text)) : Problems.Unknown("active key", id);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Conflict(refused.Message);
        }
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string id, ClaimsPrincipal user, KeyRing ring, CancellationToken cancel) =>
        await ring.DeleteAsync(id, user, cancel) ? TypedResults.NoContent() : Problems.Unknown("key", id);

    private static List<Fault> Faults(NewKey request, DateTimeOffset now)
    {
        var faults = new List<Fault>();
        if (request.Role is null || !Roles.All.Contains(request.Role)) faults.Add(new("role", $"is one of {string.Join(", ", Roles.All)}."));
        if (request.Name is { } name && (name.Length is 0 or > MaxName || name.Any(char.IsControl))) faults.Add(new("name", $"is 1 to {MaxName} characters, none of them a control character."));
        if (request.Role == Roles.Reader && string.IsNullOrEmpty(request.Tenant)) faults.Add(new("tenant", "is missing; a reader key needs the tenant that it may read."));
        else if (request.Tenant is not null && request.Role is not (Roles.Reader or Roles.Finance)) faults.Add(new("tenant", $"is for roles reader and finance; a key of role {request.Role} is bound to none."));
        else if (request.Tenant is { Length: 0 or > 64 } || request.Tenant?.Any(char.IsControl) == true) faults.Add(new("tenant", "is the id of a tenant, 1 to 64 characters."));
        if (request.Host is not null && !HostId.TryParse(request.Host, out _)) faults.Add(new("host", "is not a host id: 1 to 64 letters, digits, '-' or '_'."));
        else if (request.Host is not null && request.Role is not (Roles.Agent or Roles.Enrol)) faults.Add(new("host", "is for roles agent and enroll."));
        if (request.Expires <= now) faults.Add(new("expires", "is in the past."));
        if (request.Role == Roles.Enrol) faults.AddRange(Enrolment.Faults(request.Host, request.Expires, now));
        return faults;
    }

    private static DateTimeOffset? Expires(NewKey request, DateTimeOffset now) => request.Role == Roles.Enrol ? request.Expires ?? now + Enrolment.DefaultLife : request.Expires;

    private static KeyView View(ApiKey key, long? used, string? secret) => new(key.Id, key.Role, key.Name, key.Tenant, key.Host, UnixTime.FromMicroseconds(key.CreatedAt), At(key.ExpiresAt), At(used ?? key.LastUsedAt), secret);

    private static DateTimeOffset? At(long? microseconds) => microseconds is { } at ? UnixTime.FromMicroseconds(at) : null;
}
