using Metering.Identity;
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
    /// <param name="Expires">When it ends; left out: never.</param>
    internal sealed record NewKey(string Role, string? Name, string? Tenant, string? Host, DateTimeOffset? Expires);

    internal sealed record KeyView(string Id, string Role, string Name, string? Tenant, string? Host, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, string? Secret = null);

    public static void MapApiKeys(this IEndpointRouteBuilder routes)
    {
        var keys = routes.MapGroup("/v1/api-keys").WithTags("Keys").RequireAuthorization(Roles.MayManage);
        keys.MapGet("/", List).WithSummary("The keys, without their secrets");
        keys.MapPost("/", Create).WithSummary("Makes a key; the secret is shown here and never again");
        keys.MapDelete("/{id}", Delete).WithSummary("Revokes a key");
    }

    private static async Task<Ok<List<KeyView>>> List(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var keys = await context.Set<ApiKey>().AsNoTracking().OrderBy(key => key.CreatedAt).ToListAsync(cancel);
        return TypedResults.Ok(keys.ConvertAll(key => View(key, null)));
    }

    private static async Task<Results<Created<KeyView>, ProblemHttpResult>> Create(NewKey request, KeyRing ring, TimeProvider clock, CancellationToken cancel)
    {
        var faults = new List<string>();
        if (!Roles.All.Contains(request.Role)) faults.Add($"The role '{request.Role}' is unknown; roles are {string.Join(", ", Roles.All)}.");
        if (request.Role == Roles.Reader && string.IsNullOrEmpty(request.Tenant)) faults.Add("A reader key needs the tenant that it may read.");
        if (request.Host is not null && !HostId.TryParse(request.Host, out _)) faults.Add($"'{request.Host}' is not a host id.");
        if (request.Expires <= clock.GetUtcNow()) faults.Add("The key would have expired already.");
        if (request.Role == Roles.Enrol) faults.AddRange(Enrolment.Faults(request.Host, request.Expires, clock.GetUtcNow()));
        if (faults.Count > 0) return Problems.Rule(faults);
        var (key, text) = await ring.CreateAsync(request.Role, request.Name ?? request.Role, request.Tenant, request.Host, request.Role == Roles.Enrol ? request.Expires ?? clock.GetUtcNow() + Enrolment.DefaultLife : request.Expires, cancel);
        return TypedResults.Created($"/v1/api-keys/{key.Id}", View(key, text));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string id, KeyRing ring, CancellationToken cancel) =>
        await ring.DeleteAsync(id, cancel) ? TypedResults.NoContent() : Problems.Unknown("key", id);

    private static KeyView View(ApiKey key, string? secret) => new(key.Id, key.Role, key.Name, key.Tenant, key.Host,
        UnixTime.FromMicroseconds(key.CreatedAt), key.ExpiresAt is { } at ? UnixTime.FromMicroseconds(at) : null, secret);
}
