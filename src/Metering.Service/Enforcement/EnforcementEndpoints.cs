using System.ComponentModel;
using System.Security.Claims;
using Metering.Service.Access;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Metering.Service.Enforcement;

/// <summary><c>/v1/enforcement</c>.</summary>
internal static class EnforcementEndpoints
{
    private const int MaxLimit = 10_000, DefaultLimit = 1_000;
    private static readonly TimeSpan Shown = TimeSpan.FromDays(7);

    /// <summary>Which limits to release: those that fulfil all that is given.</summary>
    internal sealed record ReleaseRequest(string? Quota, string? Host, string? Path, bool All = false);

    internal sealed record Released(int Count);

    /// <param name="Key">Signs now.</param>
    /// <param name="Next">Is to sign next, while the key is rotated.</param>
    internal sealed record PublicKey(string Key, string? Next);

    public static void MapEnforcement(this IEndpointRouteBuilder routes)
    {
        var enforcement = routes.MapGroup("/v1/enforcement").WithTags("Quotas").RequireAuthorization(Roles.MayManage);
        enforcement.MapGet("/", List).AsTable().WithSummary("Limits that agents are told to hold, and those of the last seven days; the next page in header X-Next-Cursor");
        enforcement.MapPost("/release", Release).WithSummary("Undoes limits, until their quota fires anew");
        enforcement.MapGet("/key", Key).WithSummary("The public key that agents check commands by");
        enforcement.MapPost("/key/next", MakeNextKey).WithSummary("Makes the key that is to sign next, to be told to agents beside the present one");
        enforcement.MapPost("/key/switch", SwitchKey).WithSummary("Signs with the next key from now on, and forgets the former one");
    }

    private static async Task<Results<Ok<List<EnforcementRow>>, ProblemHttpResult>> List(
        [Description("1 to 10000; default 1000")] int? limit, [Description("X-Next-Cursor of the page before")] string? cursor, LedgerStore store, HttpResponse response, TimeProvider clock, CancellationToken cancel)
    {
        if (limit is < 1 or > MaxLimit) return ListAnswers.NoLimit(limit, MaxLimit);
        if (!PageCursor.TryRead(cursor, out var after)) return ListAnswers.NoCursor();
        var size = limit ?? DefaultLimit;
        await using var connection = await store.OpenReadAsync(cancel);
        var rows = await EnforcementLedger.ReadAsync(connection, null, clock.GetUtcNow() - Shown, size + 1, cancel, after);
        return TypedResults.Ok(ListAnswers.Page(response, rows, size, last => new PageCursor(last.BeganAt.ToUnixMicroseconds(), last.Id).Write()));
    }

    private static async Task<Results<Ok<Released>, ProblemHttpResult>> Release(ReleaseRequest request, ClaimsPrincipal user, LedgerStore store, EnforcementKeeper keeper, TimeProvider clock, CancellationToken cancel)
    {
        if (request is { Quota: null, Host: null, Path: null, All: false }) return Problems.Invalid("Nothing says what to release; give quota, host or path, or all: true.");
        var now = clock.GetUtcNow();
        var count = await store.WriteAsync(async transaction =>
        {
            var released = 0;
            foreach (var row in await EnforcementLedger.ReadAsync(transaction.Connection, transaction.Transaction, now, int.MaxValue, cancel))
            {
                if (row.ReleasedAt is not null || (request.Quota ?? row.Quota) != row.Quota || (request.Host ?? row.Host) != row.Host || (request.Path ?? row.Path) != row.Path) continue;
                var why = "released by " + (user.Identity?.Name ?? "local");
                if (!await EnforcementLedger.ReleaseAsync(transaction, row.Id, why, now)) continue;
                await AuditTrail.AddAsync(transaction, now, user, "enforcement.release", row.Host + row.Path, AuditTrail.Text(row), AuditTrail.Text(row with { ReleasedAt = now, ReleasedWhy = why }));
                released++;
            }

            return released;
        }, cancel);
        await keeper.TickAsync(cancel);
        return TypedResults.Ok(new Released(count));
    }

    private static async Task<Ok<PublicKey>> Key(LedgerStore store, CancellationToken cancel) => TypedResults.Ok(await KeysAsync(store, cancel));

    private static async Task<Ok<PublicKey>> MakeNextKey(ClaimsPrincipal user, LedgerStore store, TimeProvider clock, CancellationToken cancel)
    {
        await store.WriteAsync(async transaction =>
        {
            if (await EnforcementLedger.AddNextKeyAsync(transaction)) await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), user, "enforcement.key.next", "command key", null, null);
        }, cancel);
        return TypedResults.Ok(await KeysAsync(store, cancel));
    }

    private static async Task<Results<Ok<PublicKey>, ProblemHttpResult>> SwitchKey(ClaimsPrincipal user, LedgerStore store, EnforcementKeeper keeper, TimeProvider clock, CancellationToken cancel)
    {
        var switched = await store.WriteAsync(async transaction =>
        {
            if (!await EnforcementLedger.SwitchKeyAsync(transaction)) return false;
            await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), user, "enforcement.key.switch", "command key", null, null);
            return true;
        }, cancel);
        if (!switched) return Problems.Conflict("There is no next key to switch to; make one by 'metering enforcement key --next' and tell it to the agents first.");
        await keeper.TickAsync(cancel);
        return TypedResults.Ok(await KeysAsync(store, cancel));
    }

    private static async Task<PublicKey> KeysAsync(LedgerStore store, CancellationToken cancel)
    {
        var keys = await EnforcementLedger.PublicKeysAsync(store, cancel);
        return new PublicKey(Convert.ToBase64String(keys[0]), keys.Count > 1 ? Convert.ToBase64String(keys[1]) : null);
    }
}
