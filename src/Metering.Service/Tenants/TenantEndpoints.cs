using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace Metering.Service.Tenants;

/// <summary><c>/v1/tenants</c> and <c>/v1/ownership-rules</c>.</summary>
internal static class TenantEndpoints
{
    private const int MaxRules = 10_000;

    internal sealed record TenantDocument(string? Id, string? Name, string? TimeZone, string? Currency, string? PriceBook);

    internal sealed record RulesDocument(IReadOnlyList<OwnershipRule> Rules);

    public static void MapTenants(this IEndpointRouteBuilder routes)
    {
        var tenants = routes.MapGroup("/v1/tenants").WithTags("Tenants");
        tenants.MapGet("/", List).RequireAuthorization(Roles.MayRead).WithSummary("The tenants");
        tenants.MapGet("/{id}", Get).RequireAuthorization(Roles.MayRead).WithSummary("One tenant");
        tenants.MapPut("/{id}", Put).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes a tenant");
        var rules = routes.MapGroup("/v1/ownership-rules").WithTags("Tenants").RequireAuthorization(Roles.MayManage);
        rules.MapGet("/", GetRules).WithSummary("The rules, in order: the first that matches wins");
        rules.MapPut("/", PutRules).WithSummary("Replaces the rules; usage that is stored is attributed anew");
    }

    private static async Task<Ok<List<TenantDocument>>> List(Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var tenants = await context.Set<Tenant>().AsNoTracking().Where(tenant => caller.Tenant == null || tenant.Id == caller.Tenant).OrderBy(tenant => tenant.Id).ToListAsync(cancel);
        return TypedResults.Ok(tenants.ConvertAll(View));
    }

    private static async Task<Results<Ok<TenantDocument>, ProblemHttpResult>> Get(string id, Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var tenant = caller.Tenant is null || caller.Tenant == id ? await context.Set<Tenant>().AsNoTracking().FirstOrDefaultAsync(row => row.Id == id, cancel) : null;
        return tenant is null ? Problems.Unknown("tenant", id) : TypedResults.Ok(View(tenant));
    }

    private static async Task<Results<Ok<TenantDocument>, ProblemHttpResult>> Put(string id, TenantDocument document, LedgerStore store, CancellationToken cancel)
    {
        var tenant = new Tenant
        {
            Id = id,
            Name = document.Name ?? id,
            TimeZone = document.TimeZone ?? "UTC",
            Currency = document.Currency ?? "EUR",
            PriceBook = document.PriceBook ?? "",
        };
        var faults = Check(tenant);
        if (faults.Count > 0) return Problems.Rule(faults);
        await store.WriteAsync(async transaction =>
        {
            var known = await transaction.Context.Set<Tenant>().FirstOrDefaultAsync(row => row.Id == id, cancel);
            if (known is null) transaction.Context.Add(tenant);
            else (known.Name, known.TimeZone, known.Currency, known.PriceBook) = (tenant.Name, tenant.TimeZone, tenant.Currency, tenant.PriceBook);
            await transaction.Context.SaveChangesAsync(cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
        }, cancel);
        return TypedResults.Ok(View(tenant));
    }

    private static async Task<Ok<RulesDocument>> GetRules(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var stored = await context.Set<StoredRules>().AsNoTracking().FirstOrDefaultAsync(cancel);
        return TypedResults.Ok(new RulesDocument(stored is null ? [] : JsonSerializer.Deserialize<List<OwnershipRule>>(stored.Json, LedgerJson.Options)!));
    }

    private static async Task<Results<Ok<RulesDocument>, ProblemHttpResult>> PutRules(RulesDocument document, LedgerStore store, LedgerOptions options, CancellationToken cancel)
    {
        var rules = document.Rules;
        if (rules is null) return Problems.Rule(["rules is missing; send {\"rules\":[…]}."]);
        var faults = new List<string>();
        if (rules.Count > MaxRules) faults.Add($"There are {rules.Count} rules; at most {MaxRules} are taken.");
        for (var i = 0; i < rules.Count && faults.Count < 100; i++) Check(rules[i], i, options.GrainSeconds, faults);
        if (faults.Count > 0) return Problems.Rule(faults);
        await store.WriteAsync(async transaction =>
        {
            var stored = await transaction.Context.Set<StoredRules>().FirstOrDefaultAsync(cancel);
            if (stored is null) transaction.Context.Add(stored = new StoredRules());
            stored.Json = JsonSerializer.Serialize(rules, LedgerJson.Options);
            await transaction.Context.SaveChangesAsync(cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
            await Ownerships.RebuildAsync(transaction, new OwnershipRules(rules));
        }, cancel);
        return TypedResults.Ok(document);
    }

    private static List<string> Check(Tenant tenant)
    {
        var faults = new List<string>();
        if (tenant.Id.Length is 0 or > 64 || !tenant.Id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')) faults.Add("The id is 1 to 64 letters, digits, '-', '_' or '.'.");
        if (tenant.Name.Length is 0 or > 200) faults.Add("name is 1 to 200 characters.");
        if (DateTimeZoneProviders.Tzdb.GetZoneOrNull(tenant.TimeZone) is null) faults.Add($"timeZone '{tenant.TimeZone}' is unknown; give an IANA name such as Europe/Berlin.");
        if (tenant.Currency.Length != 3 || !tenant.Currency.All(char.IsAsciiLetterUpper)) faults.Add($"currency '{tenant.Currency}' is no ISO 4217 code such as EUR.");
        return faults;
    }

    private static void Check(OwnershipRule rule, int i, long grainSeconds, List<string> faults)
    {
        if (string.IsNullOrEmpty(rule.Tenant)) faults.Add($"rules[{i}].tenant is missing.");
        if (rule.Match is null or { Path: null, Kind: null, Name: null, Label: null, Host: null, User: null }) faults.Add($"rules[{i}].match has no condition; write {{\"path\":\"*\"}} to match all.");
        if (rule.From >= rule.To) faults.Add($"rules[{i}].to is not after from.");
        foreach (var (name, at) in new[] { ("from", rule.From), ("to", rule.To) })
        {
            if (at is not { } instant || instant.ToUnixTimeSeconds() % grainSeconds == 0) continue;
            var before = instant.ToUnixTimeSeconds() / grainSeconds * grainSeconds;
            faults.Add($"rules[{i}].{name} {instant:O} lies within a bucket; the nearest bounds are {DateTimeOffset.FromUnixTimeSeconds(before):O} and {DateTimeOffset.FromUnixTimeSeconds(before + grainSeconds):O}.");
        }
    }

    private static TenantDocument View(Tenant tenant) => new(tenant.Id, tenant.Name, tenant.TimeZone, tenant.Currency, tenant.PriceBook);
}
