using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Allocation;

/// <summary><c>/v1/allocation</c>.</summary>
internal static class AllocationEndpoints
{
    private const string VersionSql = "SELECT json FROM allocation";

    public static void MapAllocation(this IEndpointRouteBuilder routes)
    {
        var allocation = routes.MapGroup("/v1/allocation").WithTags("Prices").RequireAuthorization(Roles.MayManage);
        allocation.MapGet("/", Get).WithSummary("What hosts cost, and how that is split").WithVersion(VersionSql, isThereAlways: true);
        allocation.MapPut("/", Put).WithSummary("Makes or changes it; versions that have started keep their content, only their end can move. force=true takes changes of the past, check=true only tells the faults").WithVersion(VersionSql, isThereAlways: true);
    }

    private static async Task<Ok<AllocationDocument>> Get(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        return TypedResults.Ok((await context.Set<StoredAllocation>().AsNoTracking().FirstOrDefaultAsync(cancel))?.Read() ?? new AllocationDocument());
    }

    private static async Task<Results<Ok<AllocationDocument>, ProblemHttpResult>> Put(
        AllocationDocument document, bool? force, bool? check, ClaimsPrincipal user, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        try
        {
            await store.WriteAsync(async transaction =>
            {
                await PutAsync(transaction, document, force ?? false, user, options, clock.GetUtcNow(), cancel);
                if (check == true) throw new RuleBrokenException([]);
            }, cancel);
            return TypedResults.Ok(document);
        }
        catch (RuleBrokenException refused)
        {
            return refused.Faults.Count == 0 ? TypedResults.Ok(document) : Problems.Rule(refused.Faults);
        }
    }

    /// <summary>Throws <see cref="RuleBrokenException"/> with every fault.</summary>
    internal static async Task PutAsync(LedgerTransaction transaction, AllocationDocument document, bool force, ClaimsPrincipal who, LedgerOptions options, DateTimeOffset now, CancellationToken cancel)
    {
        var bounds = document.Versions.SelectMany(version => new[] { version?.ValidFrom, version?.ValidTo }).OfType<DateTimeOffset>().Select(at => at.ToUnixTimeSeconds());
        var grain = await LedgerGrain.RefineAsync(transaction, options, bounds, 3600, now);
        var tenants = (await transaction.Context.Set<Tenant>().AsNoTracking().Select(tenant => tenant.Id).ToListAsync(cancel)).ToHashSet(StringComparer.Ordinal);
        var stored = await transaction.Context.Set<StoredAllocation>().FirstOrDefaultAsync(cancel);
        var faults = AllocationRules.Check(document, grain, tenants);
        if (!force && faults.Count == 0) faults.AddRange(TimeFaults(stored?.Read(), document, now.ToUnixTimeSeconds()));
        RuleBrokenException.ThrowIfAny(faults);

        var json = JsonSerializer.Serialize(document, LedgerJson.Options);
        if (stored?.Json == json) return;
        await AuditTrail.AddAsync(transaction, now, who, force ? "allocation.forced" : "allocation.put", "", stored?.Json, json);
        if (stored is null) transaction.Context.Add(stored = new StoredAllocation());
        stored.Json = json;
        await transaction.Context.SaveChangesAsync(cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }

    // The first versions may start in the past: nothing was split by them.
    private static IEnumerable<Fault> TimeFaults(AllocationDocument? known, AllocationDocument document, long now)
    {
        if (known is null or { Versions.Count: 0 }) yield break;
        foreach (var old in known.Versions.Where(version => version.FromSeconds <= now))
        {
            var at = document.Versions.ToList().FindIndex(version => version.FromSeconds == old.FromSeconds);
            if (at < 0) yield return new Fault("versions", $"no longer has the one that started at {old.ValidFrom?.ToString("O") ?? "the beginning"}; keep it and give it a validTo, or repeat it with force=true.");
            else if (Content(document.Versions[at]) != Content(old)) yield return new Fault($"versions[{at}]", "has started, only its validTo can change; end it and add one that follows, or repeat it with force=true.");
            else if (document.Versions[at].ToSeconds != old.ToSeconds && Math.Min(document.Versions[at].ToSeconds, old.ToSeconds) < now) yield return new Fault($"versions[{at}].validTo", "moves an end in the past; repeat it with force=true if that is meant.");
        }

        for (var i = 0; i < document.Versions.Count; i++)
        {
            var from = document.Versions[i].FromSeconds;
            if (from < now && known.Versions.All(version => version.FromSeconds != from)) yield return new Fault($"versions[{i}].validFrom", "lies in the past; repeat it with force=true if that is meant.");
        }
    }

    private static string Content(AllocationVersion version) => JsonSerializer.Serialize(version with { ValidFrom = null, ValidTo = null }, LedgerJson.Options);
}
