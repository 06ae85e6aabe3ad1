using System.Security.Claims;
using System.Text.Json;
using Metering.Service.Applying;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Quotas;

/// <summary>Makes, changes and removes quotas and plans. What the change means for the open window is decided in its transaction, after those who write usage have ended theirs.</summary>
internal sealed class QuotaChange(LedgerStore store, LedgerOptions options, TimeProvider clock)
{
    /// <summary>Counts on what is counted anew; in between ingest takes its turn.</summary>
    internal QuotaCounter Counter { get; } = new(store, options, clock);

    /// <summary>Throws <see cref="RuleBrokenException"/> with every fault; nothing has changed then.</summary>
    public async Task PutAsync(string id, Quota quota, ClaimsPrincipal who, CancellationToken cancel)
    {
        var left = await store.WriteAsync(async transaction =>
        {
            var now = clock.GetUtcNow();
            await LedgerGate.WaitAsync(transaction);
            RuleBrokenException.ThrowIfAny((await QuotaFaults.LoadAsync(transaction, now, cancel)).Of(id, quota, []));
            return await StoreAsync(transaction, id, quota, who, now, cancel) && await SettleAsync(transaction, other => other.Id == id, now, cancel);
        }, cancel);
        if (left) await Counter.FinishAsync(cancel);
    }

    /// <summary>Puts several, all or none, each judged beside the others; what they mean is decided once for all of them.</summary>
    public async Task<Results<NoContent, ProblemHttpResult>> ApplyAsync(ApplyRequest request, bool? check, DocumentVersions versions, ClaimsPrincipal who, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var (changed, left) = (new HashSet<string>(StringComparer.Ordinal), false);
        QuotaFaults? faults = null;
        var answer = await DocumentApply.RunAsync<Quota>(request, check, store, versions, async (transaction, id, quota, all) =>
        {
            if (faults is null)
            {
                await LedgerGate.WaitAsync(transaction);
                faults = await QuotaFaults.LoadAsync(transaction, now, cancel);
            }

            RuleBrokenException.ThrowIfAny(faults.Of(id, quota, all));
            if (await StoreAsync(transaction, id, quota, who, now, cancel)) changed.Add(id);
        }, cancel, async transaction => left = changed.Count > 0 && await SettleAsync(transaction, quota => changed.Contains(quota.Id), now, cancel));
        if (left) await Counter.FinishAsync(cancel);
        return answer;
    }

    // False: it is what it was.
    private static async Task<bool> StoreAsync(LedgerTransaction transaction, string id, Quota quota, ClaimsPrincipal who, DateTimeOffset now, CancellationToken cancel)
    {
        var known = await transaction.Context.Set<StoredQuota>().FirstOrDefaultAsync(row => row.Id == id, cancel);
        var json = JsonSerializer.Serialize(quota, LedgerJson.Options);
        if (known?.Json == json) return false;
        await AuditTrail.AddAsync(transaction, now, who, "quota.put", id, known?.Json, json);
        if (known is null) transaction.Context.Add(known = new StoredQuota { Id = id });
        known.Json = json;
        await transaction.Context.SaveChangesAsync(cancel);
        return true;
    }

    /// <summary>Resolves what is firing and removes it; its history stays. False: there is none.</summary>
    public Task<bool> DeleteAsync(string id, ClaimsPrincipal who, CancellationToken cancel) => store.WriteAsync(async transaction =>
    {
        var now = clock.GetUtcNow();
        await LedgerGate.WaitAsync(transaction);
        var catalogue = await QuotaCatalogue.LoadAsync(transaction.Context, cancel);
        if (catalogue.Quotas.FirstOrDefault(quota => quota.Id == id) is not { } quota) return false;
        var (start, end) = quota.WindowOf(now.ToUnixTimeSeconds());
        await QuotaLedger.JudgeAsync(transaction, catalogue, quota, [new QuotaReading(now.ToUnixTimeSeconds(), now.ToUnixTimeSeconds(), start, end, null)], now, isEnding: true);
        await AuditTrail.AddAsync(transaction, now, who, "quota.delete", id, JsonSerializer.Serialize(quota.Document, LedgerJson.Options), null);
        await transaction.ExecuteAsync("DELETE FROM quota WHERE id = @id", ("@id", id));
        await QuotaGrowthLog.OpenAsync(transaction);
        await transaction.ExecuteAsync("DELETE FROM quota_window WHERE quota = @id", ("@id", id));
        await transaction.ExecuteAsync("DELETE FROM quota_counting WHERE quota = @id", ("@id", id));
        await transaction.ExecuteAsync("UPDATE quota_clock SET measured = '', basis = '' WHERE quota = @id", ("@id", id));
        await LedgerSnapshot.RaiseAsync(transaction);
        return true;
    }, cancel);

    /// <summary>Throws <see cref="RuleBrokenException"/> with every fault, of the plan and of the quotas that go by it.</summary>
    public async Task PutPlanAsync(string id, QuotaPlan plan, ClaimsPrincipal who, CancellationToken cancel)
    {
        if (await store.WriteAsync(transaction => PutPlanAsync(transaction, id, plan, who, cancel), cancel)) await Counter.FinishAsync(cancel);
    }

    /// <summary>Puts several plans, all or none.</summary>
    public async Task<Results<NoContent, ProblemHttpResult>> ApplyPlansAsync(ApplyRequest request, bool? check, DocumentVersions versions, ClaimsPrincipal who, CancellationToken cancel)
    {
        var left = false;
        var answer = await DocumentApply.RunAsync<QuotaPlan>(request, check, store, versions, async (transaction, id, plan, _) => left |= await PutPlanAsync(transaction, id, plan, who, cancel), cancel);
        if (left) await Counter.FinishAsync(cancel);
        return answer;
    }

    private async Task<bool> PutPlanAsync(LedgerTransaction transaction, string id, QuotaPlan plan, ClaimsPrincipal who, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await LedgerGate.WaitAsync(transaction);
        var known = await transaction.Context.Set<StoredQuotaPlan>().FirstOrDefaultAsync(row => row.Id == id, cancel);
        RuleBrokenException.ThrowIfAny([.. PlanFaults(id, plan), .. await LeftAsync(transaction, id, plan, cancel)]);
        var json = JsonSerializer.Serialize(plan, LedgerJson.Options);
        if (known?.Json == json) return false;
        await AuditTrail.AddAsync(transaction, now, who, "quota-plan.put", id, known?.Json, json);
        if (known is null) transaction.Context.Add(known = new StoredQuotaPlan { Id = id });
        known.Json = json;
        await transaction.Context.SaveChangesAsync(cancel);
        return await SettleAsync(transaction, quota => quota.Document.Plan?.StartsWith(id + "/", StringComparison.Ordinal) == true, now, cancel);
    }

    /// <summary>Throws <see cref="RuleBrokenException"/> when quotas go by it. False: there is none.</summary>
    public Task<bool> DeletePlanAsync(string id, ClaimsPrincipal who, CancellationToken cancel) => store.WriteAsync(async transaction =>
    {
        var known = await transaction.Context.Set<StoredQuotaPlan>().FirstOrDefaultAsync(row => row.Id == id, cancel);
        if (known is null) return false;
        RuleBrokenException.ThrowIfAny(await LeftAsync(transaction, id, new QuotaPlan(), cancel));
        await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), who, "quota-plan.delete", id, known.Json, null);
        transaction.Context.Remove(known);
        await transaction.Context.SaveChangesAsync(cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
        return true;
    }, cancel);

    // Counts what is to be counted anew, and judges; true: there is more to count.
    private async Task<bool> SettleAsync(LedgerTransaction transaction, Predicate<CompiledQuota> which, DateTimeOffset now, CancellationToken cancel)
    {
        await LedgerSnapshot.RaiseAsync(transaction);
        var catalogue = await QuotaCatalogue.LoadAsync(transaction.Context, cancel);
        var quotas = catalogue.Quotas.Where(quota => which(quota)).ToList();
        var grain = await LedgerGrain.ReadAsync(transaction, options);
        var clocks = await QuotaLedger.ClocksAsync(transaction, cancel);
        var left = await QuotaRebuild.RunAsync(transaction, catalogue, [.. quotas.Where(quota => clocks.GetValueOrDefault(quota.Id)?.Basis != catalogue.BasisOf(quota))], grain, now, Counter.ChunkRows);
        await QuotaKeeper.JudgeAsync(transaction, catalogue, quotas, await QuotaLedger.ClocksAsync(transaction, cancel), grain, now, cancel);
        return left;
    }

    private static IEnumerable<Fault> PlanFaults(string id, QuotaPlan plan)
    {
        if (id.Length is 0 or > 64 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) yield return new Fault("", "The id is 1 to 64 letters, digits, '-' or '_'.");
        if (plan.Limits.Count is 0 or > 100) yield return new Fault("limits", "has 1 to 100 entries.");
        foreach (var (name, limit) in plan.Limits)
        {
            if (name.Length is 0 or > 64 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) yield return new Fault($"limits.{name}", "has a name that is not 1 to 64 letters, digits, '-' or '_'.");
            if (limit is <= 0 or > 1e20m) yield return new Fault($"limits.{name}", $"{limit} is out of range; a limit is more than 0.");
        }
    }

    // What the plan no longer has, and who goes by it.
    private static async Task<List<Fault>> LeftAsync(LedgerTransaction transaction, string id, QuotaPlan plan, CancellationToken cancel)
    {
        var faults = new List<Fault>();
        foreach (var row in await transaction.Context.Set<StoredQuota>().AsNoTracking().OrderBy(row => row.Id).ToListAsync(cancel))
        {
            var named = JsonSerializer.Deserialize<Quota>(row.Json, LedgerJson.Options)!.Plan?.Split('/', 2);
            if (named?[0] == id && !plan.Limits.ContainsKey(named[^1])) faults.Add(new Fault("limits", $"lacks '{named[^1]}', which the quota '{row.Id}' goes by; change the quota first."));
        }

        return faults;
    }
}
