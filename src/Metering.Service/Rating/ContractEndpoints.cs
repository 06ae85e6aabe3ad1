using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Applying;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Rating;

/// <summary><c>/v1/tenants/{id}/contract</c>.</summary>
internal static class ContractEndpoints
{
    private const string VersionSql = "SELECT json FROM contract WHERE tenant = @id";

    public static void MapContracts(this IEndpointRouteBuilder routes)
    {
        var contracts = routes.MapGroup("/v1/tenants/{id}/contract").WithTags("Prices");
        routes.MapPost("/v1/contracts/apply", Apply).RequireAuthorization(Roles.MayManage).WithTags("Prices").WithSummary("Makes or changes the contracts of several tenants, all or none; check=true only tells the faults; the id of each is its tenant");
        contracts.MapGet("/", Get).RequireAuthorization(Roles.MayRead).WithSummary("The tenant's contract").WithVersion(VersionSql, isThereAlways: true);
        contracts.MapPut("/", Put).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes the contract; terms that have started keep their content, only their end can move. force=true takes changes of the past").ProducesProblem(404).WithVersion(VersionSql, isThereAlways: true);
    }

    private static async Task<Results<Ok<Contract>, ProblemHttpResult>> Get(string id, Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(caller, cancel);
        if ((caller.Tenant is not null && caller.Tenant != id) || !await context.Set<Tenant>().AnyAsync(tenant => tenant.Id == id, cancel)) return Problems.Unknown("tenant", id);
        var stored = await context.Set<StoredContract>().AsNoTracking().FirstOrDefaultAsync(contract => contract.Tenant == id, cancel);
        return TypedResults.Ok(stored?.Read() ?? new Contract());
    }

    private static async Task<Results<Ok<Contract>, ProblemHttpResult>> Put(
        string id, Contract contract, bool? force, ClaimsPrincipal user, LedgerStore store, LedgerOptions options, TimeProvider clock, IEnumerable<IPriceGuard> guards, CancellationToken cancel)
    {
        try
        {
            var found = await store.WriteAsync(transaction => PutAsync(transaction, id, contract, force ?? false, user, options, clock.GetUtcNow(), guards, cancel), cancel);
            return found ? TypedResults.Ok(contract) : Problems.Unknown("tenant", id);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Rule(refused.Faults);
        }
    }

    private static Task<Results<NoContent, ProblemHttpResult>> Apply(
        ApplyRequest request, bool? check, bool? force, ClaimsPrincipal user, LedgerStore store, LedgerOptions options, TimeProvider clock, IEnumerable<IPriceGuard> guards, CancellationToken cancel) =>
        DocumentApply.RunAsync<Contract>(request, check, store, DocumentVersions.ById(VersionSql, isThereAlways: true), async (transaction, id, contract, _) =>
        {
            if (!await PutAsync(transaction, id, contract, force ?? false, user, options, clock.GetUtcNow(), guards, cancel)) throw new RuleBrokenException([NoTenant(id)]);
        }, cancel);

    private static Fault NoTenant(string id) => new("tenant", $"'{id}' is unknown; make the tenant first.");

    /// <summary>False when there is no such tenant, and nothing else is wrong. Throws <see cref="RuleBrokenException"/> with every fault.</summary>
    internal static async Task<bool> PutAsync(
        LedgerTransaction transaction, string id, Contract contract, bool force, ClaimsPrincipal who, LedgerOptions options, DateTimeOffset now, IEnumerable<IPriceGuard> guards, CancellationToken cancel)
    {
        var tenant = await transaction.Context.Set<Tenant>().AsNoTracking().FirstOrDefaultAsync(row => row.Id == id, cancel);
        var bounds = contract.Terms.SelectMany(terms => new[] { terms?.ValidFrom, terms?.ValidTo }).OfType<DateTimeOffset>().Select(at => at.ToUnixTimeSeconds());
        var grain = await LedgerGrain.RefineAsync(transaction, options, bounds, 3600, now);
        var books = (await transaction.Context.Set<StoredPriceVersion>().AsNoTracking().ToListAsync(cancel)).GroupBy(row => row.Book, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => (IReadOnlyList<string>)[.. group.Select(row => row.Read().Currency).Distinct(StringComparer.Ordinal)], StringComparer.Ordinal);
        var stored = await transaction.Context.Set<StoredContract>().FirstOrDefaultAsync(row => row.Tenant == id, cancel);
        var faults = ContractRules.Check(contract, tenant, grain, books);
        if (!force && contract.Terms.All(terms => terms is not null)) faults.AddRange(TimeFaults(stored?.Read(), contract, now.ToUnixTimeSeconds()));
        if (tenant is null && faults.Count > 0) faults.Insert(0, NoTenant(id));
        RuleBrokenException.ThrowIfAny(faults);
        if (tenant is null) return false;

        var json = JsonSerializer.Serialize(contract, LedgerJson.Options);
        if (stored?.Json == json) return true;
        await AuditTrail.AddAsync(transaction, now, who, force ? "contract.forced" : "contract.put", id, stored?.Json, json);
        if (stored is null) transaction.Context.Add(stored = new StoredContract { Tenant = id });
        stored.Json = json;
        await transaction.Context.SaveChangesAsync(cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
        await PriceChange.GuardAsync(transaction, guards, now);
        return true;
    }

    // A first contract may start in the past: nothing was charged by it.
    internal static IEnumerable<Fault> TimeFaults(Contract? known, Contract contract, long now)
    {
        if (known is null) yield break;
        foreach (var old in known.Terms.Where(terms => terms.FromSeconds <= now))
        {
            var same = contract.Terms.FirstOrDefault(terms => terms.FromSeconds == old.FromSeconds);
            var at = same is null ? "terms" : $"terms[{contract.Terms.ToList().IndexOf(same)}]";
            if (same is null) yield return new Fault(at, $"no longer has the terms that started at {old.ValidFrom?.ToString("O") ?? "the beginning"}; keep them and give them a validTo, or repeat it with force=true.");
            else if (same with { ValidTo = null, ValidFrom = null } != old with { ValidTo = null, ValidFrom = null }) yield return new Fault(at, "has started, only its validTo can change; end it and add terms that follow, or repeat it with force=true.");
            else if (same.ToSeconds != old.ToSeconds && Math.Min(same.ToSeconds, old.ToSeconds) < now) yield return new Fault(at + ".validTo", "moves an end in the past; repeat it with force=true if that is meant.");
        }

        for (var i = 0; i < contract.Terms.Count; i++)
        {
            var from = contract.Terms[i].FromSeconds;
            if (from < now && known.Terms.All(terms => terms.FromSeconds != from)) yield return new Fault($"terms[{i}].validFrom", "lies in the past; repeat it with force=true if that is meant.");
        }
    }
}
