using System.Text.Json;
using Metering.Identity;
using Metering.Service.Ledger;

namespace Metering.Service.Tenants;

/// <summary>Checks ownership rules; every fault is listed at once.</summary>
internal static class OwnershipChecks
{
    private const int MaxRules = 10_000;
    private const int MaxFaults = 1_000;

    /// <summary>What rules are held against, as it is known now.</summary>
    internal sealed record Known(string Host, string Kind, string Name, string Path, IReadOnlyDictionary<string, string> Labels);

    public static async Task<List<Known>> WorkloadsAsync(LedgerTransaction transaction, CancellationToken cancel)
    {
        var workloads = new List<Known>();
        await using var rows = await transaction.Command("SELECT host, kind, name, path, labels FROM workload").ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) workloads.Add(new Known(rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), JsonSerializer.Deserialize<Dictionary<string, string>>(rows.GetString(4)) ?? []));
        return workloads;
    }

    /// <param name="kinds">Kinds of workloads that the ledger has, beside those that agents know of themselves.</param>
    /// <param name="force">Takes tenants and kinds that are not known yet, and rules that are never reached.</param>
    public static List<Fault> Check(IReadOnlyList<OwnershipRule> rules, IReadOnlySet<string> tenants, IEnumerable<string> kinds, bool force)
    {
        var faults = new List<Fault>();
        if (rules.Count > MaxRules) faults.Add(new("rules", $"has {rules.Count} entries; at most {MaxRules} are taken."));
        var known = WorkloadKindNames.All.Concat(kinds).ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < Math.Min(rules.Count, MaxRules) && faults.Count < MaxFaults; i++)
        {
            var at = $"rules[{i}]";
            if (rules[i] is not { } rule)
            {
                faults.Add(new(at, "is empty."));
                continue;
            }

            if (rule.Tenant.Length == 0) faults.Add(new(at + ".tenant", "is missing."));
            else if (!force && rule.Tenant != OwnedInterval.UnattributedTenant && !tenants.Contains(rule.Tenant)) faults.Add(new(at + ".tenant", $"'{rule.Tenant}' is unknown, so nobody would be billed; make the tenant first, or repeat it with force=true."));
            if (rule.Match is { Path: null, Kind: null, Name: null, Label: null, Host: null, User: null }) faults.Add(new(at + ".match", "has no condition; write {\"path\":\"*\"} to match all."));
            if (rule.Match.Path is { } path && (path.Length == 0 || path[0] is not ('/' or '*'))) faults.Add(new(at + ".match.path", $"'{path}' matches nothing: a path begins with '/' at the cgroup root; write '/{path}', or '*' for all."));
            if (!force && rule.Match.Kind is { } kind && !known.Any(name => OwnershipRule.Fits(kind, name))) faults.Add(new(at + ".match.kind", $"'{kind}' matches nothing: kinds are {string.Join(", ", known.Order(StringComparer.Ordinal))}; repeat it with force=true if agents will have it by rules of their own."));
            if (rule.From >= rule.To) faults.Add(new(at + ".to", "is not after from."));
            if (!force) Reached(rules, i, faults);
        }

        return faults;
    }

    // The first that matches wins, so what an earlier one covers is never asked.
    private static void Reached(IReadOnlyList<OwnershipRule> rules, int i, List<Fault> faults)
    {
        for (var before = 0; before < i; before++)
        {
            if (rules[before] is not { } earlier || !earlier.Covers(rules[i])) continue;
            faults.Add(new($"rules[{i}].match", $"matches nothing: rules[{before}] comes first and matches all that this one does; put the narrower one first."));
            return;
        }
    }
}
