using Metering.Service.Ledger;

namespace Metering.Service.Tenants;

/// <summary>The ordered rules. At every instant the first rule that matches wins; what none matches is unattributed.</summary>
public sealed class OwnershipRules(IReadOnlyList<OwnershipRule> rules)
{
    public IReadOnlyList<OwnershipRule> Rules => rules;

    /// <summary>The intervals of a workload whose name and labels may have changed: the rules are asked for each version, for the time it holds.</summary>
    internal IReadOnlyList<OwnedInterval> Resolve(string host, string kind, string path, AttributeHistory attributes)
    {
        var intervals = new List<OwnedInterval>();
        foreach (var (from, to, version) in attributes.Intervals())
        {
            foreach (var owned in Resolve(host, kind, version.Name, path, version.Labels))
            {
                if (owned.To > from && owned.From < to) Append(intervals, owned with { From = Math.Max(from, owned.From), To = Math.Min(to, owned.To) });
            }
        }

        return intervals;
    }

    /// <summary>The intervals of a workload, ordered, without gaps, from 0 to the end of time.</summary>
    public IReadOnlyList<OwnedInterval> Resolve(string host, string kind, string name, string path, IReadOnlyDictionary<string, string> labels)
    {
        var matching = new List<(long From, long To, OwnershipRule Rule)>();
        var bounds = new SortedSet<long> { 0 };
        foreach (var rule in rules)
        {
            if (!rule.Matches(host, kind, name, path, labels)) continue;
            var from = rule.From?.ToUnixTimeSeconds() ?? 0;
            var to = rule.To?.ToUnixTimeSeconds() ?? long.MaxValue;
            matching.Add((from, to, rule));
            bounds.Add(from);
            if (to != long.MaxValue) bounds.Add(to);
            if (from == 0 && to == long.MaxValue) break;
        }

        var intervals = new List<OwnedInterval>();
        var starts = bounds.ToArray();
        for (var i = 0; i < starts.Length; i++)
        {
            var (from, to) = (starts[i], i + 1 < starts.Length ? starts[i + 1] : long.MaxValue);
            var winner = matching.Find(candidate => candidate.From <= from && candidate.To > from).Rule;
            var (tenant, project) = (winner?.Tenant ?? OwnedInterval.UnattributedTenant, winner?.Project ?? "");
            Append(intervals, new OwnedInterval(from, to, tenant, project));
        }

        return intervals;
    }

    private static void Append(List<OwnedInterval> intervals, OwnedInterval next)
    {
        if (intervals.Count > 0 && intervals[^1].Tenant == next.Tenant && intervals[^1].Project == next.Project) intervals[^1] = intervals[^1] with { To = next.To };
        else intervals.Add(next);
    }
}
