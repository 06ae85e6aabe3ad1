using System.Security.Claims;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Access;

/// <summary>
/// How an agent comes to a key of its own: an administrator makes a token, which is a key of role <c>enroll</c> for one host, good once and not for long;
/// the agent exchanges it for a key of role <c>agent</c> for that host. Token and key change places in one transaction, so of two who have the token one is refused.
/// </summary>
internal static class Enrolment
{
    public static readonly TimeSpan DefaultLife = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(7);

    internal sealed record Enrolled(string Host, string KeyId, string Key);

    public static void MapEnrolment(this IEndpointRouteBuilder routes) => routes.MapPost("/v1/agents/enroll", EnrolAsync).WithTags("Keys").RequireAuthorization(Roles.MayEnrol)
        .WithSummary("Exchanges the token that the request is authorised by, which is used up, for the key of its host's agent");

    public static IEnumerable<Fault> Faults(string? host, DateTimeOffset? expires, DateTimeOffset now)
    {
        if (host is null) yield return new("host", "is missing; a token needs the host whose agent may use it.");
        if (expires > now + LongestLife) yield return new("expires", "is more than 7 days away, which is the most for a token.");
    }

    private static async Task<Results<Ok<Enrolled>, ProblemHttpResult>> EnrolAsync(ClaimsPrincipal who, HttpRequest request, LedgerStore store, TimeProvider clock, CancellationToken cancel)
    {
        var host = Caller.Of(who).Host!;
        var token = request.Headers.Authorization.ToString()["Bearer ".Length..].Trim();
        if (!KeySecret.TryReadId(token, out var tokenId)) return Problems.Unauthorized();
        var id = KeySecret.NewId();
        var text = KeySecret.New(Roles.Agent, id);
        var now = clock.GetUtcNow();
        var used = await store.WriteAsync(async transaction =>
        {
            if (await transaction.ExecuteAsync("DELETE FROM api_key WHERE id = @id AND role = @role", ("@id", tokenId), ("@role", Roles.Enrol)) == 0) return false;
            await transaction.ExecuteAsync("INSERT INTO api_key (id, hash, role, host, name, created_at) VALUES (@id, @hash, @role, @host, @name, @at)",
                ("@id", id), ("@hash", KeySecret.Hash(text)), ("@role", Roles.Agent), ("@host", host), ("@name", "enrolled " + host), ("@at", now.ToUnixMicroseconds()));
            await AuditTrail.AddAsync(transaction, now, who, "agent.enrol", host, null, AuditTrail.Text(new { key = id, token = tokenId }));
            return true;
        }, cancel);
        return used ? TypedResults.Ok(new Enrolled(host, id, text)) : Problems.Conflict("The token was used already; make another one with 'metering keys create --role enroll --host HOST'.");
    }
}
