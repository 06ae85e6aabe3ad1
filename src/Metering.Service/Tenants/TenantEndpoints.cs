using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Applying;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Service.Rating;
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
    // From here on every zone of the database is at a quarter of an hour.
    private const long FirstSeconds = 1_767_225_600;

    private const string TenantSql = "SELECT name, time_zone, currency, price_book FROM tenant WHERE id = @id", RulesSql = "SELECT json FROM ownership_rules";

    internal sealed record TenantDocument(string? Id, string? Name, string? TimeZone, string? Currency, string? PriceBook);

    /// <param name="Rules">In order.</param>
    /// <param name="Idle">In the answer to a change: places of rules, from 0, that no workload of the ledger matches yet; absent when there is none.</param>
    internal sealed record RulesDocument(IReadOnlyList<OwnershipRule> Rules, IReadOnlyList<int>? Idle = null);

    public static void MapTenants(this IEndpointRouteBuilder routes)
    {
        var tenants = routes.MapGroup("/v1/tenants").WithTags("Tenants");
        tenants.MapGet("/", List).RequireAuthorization(Roles.MayRead).WithSummary("The tenants").AsList();
        tenants.MapGet("/{id}", Get).RequireAuthorization(Roles.MayRead).WithSummary("One tenant").WithVersion(TenantSql);
        tenants.MapPut("/{id}", Put).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes a tenant").WithVersion(TenantSql);
        tenants.MapPost("/apply", Apply).RequireAuthorization(Roles.MayManage).WithSummary("Makes or changes several tenants, all or none; check=true only tells the faults");
        var rules = routes.MapGroup("/v1/ownership-rules").WithTags("Tenants").RequireAuthorization(Roles.MayManage);
        rules.MapGet("/", GetRules).WithSummary("The rules, in order: the first that matches wins").WithVersion(RulesSql, isThereAlways: true);
        rules.MapPut("/", PutRules).WithSummary("Replaces the rules; usage that is stored is attributed anew. force=true takes tenants and kinds that are not known yet, and rules that are never reached; check=true only tells the faults").WithVersion(RulesSql, isThereAlways: true);
    }

    private static async Task<Ok<List<TenantDocument>>> List(Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(caller, cancel);
        var tenants = await context.Set<Tenant>().AsNoTracking().Where(tenant => caller.Tenant == null || tenant.Id == caller.Tenant).OrderBy(tenant => tenant.Id).ToListAsync(cancel);
        return TypedResults.Ok(tenants.ConvertAll(View));
    }

    private static async Task<Results<Ok<TenantDocument>, ProblemHttpResult>> Get(string id, Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(caller, cancel);
        var tenant = caller.Tenant is null || caller.Tenant == id ? await context.Set<Tenant>().AsNoTracking().FirstOrDefaultAsync(row => row.Id == id, cancel) : null;
        return tenant is null ? Problems.Unknown("tenant", id) : TypedResults.Ok(View(tenant));
    }

    private static async Task<Results<Ok<TenantDocument>, ProblemHttpResult>> Put(
        string id, TenantDocument document, ClaimsPrincipal user, LedgerStore store, LedgerOptions options, TimeProvider clock, IEnumerable<IPriceGuard> guards, CancellationToken cancel)
    {
        try
        {
            return TypedResults.Ok(await store.WriteAsync(transaction => PutAsync(transaction, id, document, user, options, clock.GetUtcNow(), guards, cancel), cancel));
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Rule(refused.Faults);
        }
    }

    private static Task<Results<NoContent, ProblemHttpResult>> Apply(ApplyRequest request, bool? check, ClaimsPrincipal user, LedgerStore store, LedgerOptions options, TimeProvider clock, IEnumerable<IPriceGuard> guards, CancellationToken cancel) =>
        DocumentApply.RunAsync<TenantDocument>(request, check, store, DocumentVersions.ById(TenantSql), (transaction, id, document, _) => PutAsync(transaction, id, document, user, options, clock.GetUtcNow(), guards, cancel), cancel);

    private static async Task<TenantDocument> PutAsync(
        LedgerTransaction transaction, string id, TenantDocument document, ClaimsPrincipal user, LedgerOptions options, DateTimeOffset now, IEnumerable<IPriceGuard> guards, CancellationToken cancel)
    {
        var tenant = new Tenant
        {
            Id = id,
            Name = document.Name ?? id,
            TimeZone = document.TimeZone ?? "UTC",
            Currency = document.Currency ?? "EUR",
            PriceBook = document.PriceBook ?? "",
        };
        RuleBrokenException.ThrowIfAny(Check(tenant));
        var known = await transaction.Context.Set<Tenant>().FirstOrDefaultAsync(row => row.Id == id, cancel);
        var before = known is null ? null : AuditTrail.Text(View(known));
        if (before == AuditTrail.Text(View(tenant))) return View(tenant);
        if (known is not null && (known.TimeZone, known.Currency) != (tenant.TimeZone, tenant.Currency)) await RefuseIfBilledAsync(transaction, known);
        if (known is null) transaction.Context.Add(tenant);
        else (known.Name, known.TimeZone, known.Currency, known.PriceBook) = (tenant.Name, tenant.TimeZone, tenant.Currency, tenant.PriceBook);
        await transaction.Context.SaveChangesAsync(cancel);
        await AuditTrail.AddAsync(transaction, now, user, "tenant.put", id, before, AuditTrail.Text(View(tenant)));
        await LedgerSnapshot.RaiseAsync(transaction);
        await LedgerGrain.RefineAsync(transaction, options, [], TenantCalendar.StepOf(TenantCalendar.Zone(tenant.TimeZone), now.ToUnixTimeSeconds()), now);
        await PriceChange.GuardAsync(transaction, guards, now);
        return View(tenant);
    }

    // With another zone its months would begin elsewhere: hours would be billed twice or never.
    internal static async Task RefuseIfBilledAsync(LedgerTransaction transaction, Tenant tenant)
    {
        if (await transaction.ScalarAsync(transaction.Command("SELECT MIN(number) FROM invoice WHERE tenant = @tenant", ("@tenant", tenant.Id))) is not null)
            throw new RuleBrokenException([new Fault("", $"Invoices were issued to '{tenant.Id}' in {tenant.TimeZone} and {tenant.Currency}, so its timeZone and currency stay; make another tenant and give it the workloads from an instant on.")]);
    }

    private static async Task<Ok<RulesDocument>> GetRules(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var stored = await context.Set<StoredRules>().AsNoTracking().FirstOrDefaultAsync(cancel);
        return TypedResults.Ok(new RulesDocument(stored is null ? [] : JsonSerializer.Deserialize<List<OwnershipRule>>(stored.Json, LedgerJson.Options)!));
    }

    private static async Task<Results<Ok<RulesDocument>, ProblemHttpResult>> PutRules(
        RulesDocument document, bool? force, bool? check, ClaimsPrincipal user, LedgerStore store, LedgerOptions options, TimeProvider clock, CancellationToken cancel)
    {
        var rules = document.Rules;
        if (rules is null) return Problems.Rule(["rules is missing; send {\"rules\":[…]}."]);
        try
        {
            var idle = await store.WriteAsync(async transaction =>
            {
                var unmatched = await PutRulesAsync(transaction, rules, force ?? false, user, options, clock.GetUtcNow(), cancel);
                return check == true ? throw new RuleBrokenException([]) : unmatched;
            }, cancel);
            return TypedResults.Ok(document with { Idle = idle });
        }
        catch (RuleBrokenException refused)
        {
            return refused.Faults.Count == 0 ? TypedResults.Ok(document) : Problems.Rule(refused.Faults);
        }
    }

    // Returns the rules that match no workload, of a ledger that knows any.
    private static async Task<IReadOnlyList<int>?> PutRulesAsync(LedgerTransaction transaction, IReadOnlyList<OwnershipRule> rules, bool force, ClaimsPrincipal user, LedgerOptions options, DateTimeOffset now, CancellationToken cancel)
    {
        var (tenants, workloads) = ((await transaction.Context.Set<Tenant>().AsNoTracking().Select(tenant => tenant.Id).ToListAsync(cancel)).ToHashSet(StringComparer.Ordinal), await OwnershipChecks.WorkloadsAsync(transaction, cancel));
        var faults = OwnershipChecks.Check(rules, tenants, workloads.Select(workload => workload.Kind), force);
        RuleBrokenException.ThrowIfAny(faults);
        var bounds = rules.SelectMany(rule => new[] { rule.From, rule.To }).OfType<DateTimeOffset>().Select(at => at.ToUnixTimeSeconds());
        var grain = await LedgerGrain.RefineAsync(transaction, options, bounds, 3600, now);
        var outside = new List<Fault>();
        for (var i = 0; i < rules.Count && outside.Count < 100; i++)
        {
            grain.Check($"rules[{i}].from", rules[i].From, outside);
            grain.Check($"rules[{i}].to", rules[i].To, outside);
        }

        RuleBrokenException.ThrowIfAny(outside);
        var stored = await transaction.Context.Set<StoredRules>().FirstOrDefaultAsync(cancel);
        var json = JsonSerializer.Serialize(rules, LedgerJson.Options);
        if (stored?.Json != json) await AuditTrail.AddAsync(transaction, now, user, "ownership-rules.put", "", stored?.Json, json);
        if (stored is null) transaction.Context.Add(stored = new StoredRules());
        stored.Json = json;
        await transaction.Context.SaveChangesAsync(cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
        await Ownerships.RebuildAsync(transaction, new OwnershipRules(rules));
        if (workloads.Count == 0) return null;
        var idle = Enumerable.Range(0, rules.Count).Where(i => !workloads.Exists(workload => rules[i].Matches(workload.Host, workload.Kind, workload.Name, workload.Path, workload.Labels))).ToList();
        return idle.Count == 0 ? null : idle;
    }

    private static List<Fault> Check(Tenant tenant)
    {
        var faults = new List<Fault>();
        if (tenant.Id.Length is 0 or > 64 || !tenant.Id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')) faults.Add(new("id", "is 1 to 64 letters, digits, '-', '_' or '.'."));
        if (tenant.Name.Length is 0 or > 200) faults.Add(new("name", "is 1 to 200 characters."));
        if (DateTimeZoneProviders.Tzdb.GetZoneOrNull(tenant.TimeZone) is null) faults.Add(new("timeZone", $"'{tenant.TimeZone}' is unknown; give an IANA name such as Europe/Berlin."));
        else if (TenantCalendar.StepOf(TenantCalendar.Zone(tenant.TimeZone), FirstSeconds) < LedgerGrain.Fine) faults.Add(new("timeZone", $"'{tenant.TimeZone}' has days that begin within a quarter of an hour; it can not be billed in."));
        if (Currency.Fault(tenant.Currency) is { } currency) faults.Add(new("currency", currency));
        return faults;
    }

    /// <summary>A tenant as the audit trail has it.</summary>
    internal static string Audited(string id, string name, string timeZone, string currency, string priceBook) => AuditTrail.Text(new TenantDocument(id, name, timeZone, currency, priceBook));

    private static TenantDocument View(Tenant tenant) => new(tenant.Id, tenant.Name, tenant.TimeZone, tenant.Currency, tenant.PriceBook);
}
