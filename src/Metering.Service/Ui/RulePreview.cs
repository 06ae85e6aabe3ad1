using Metering.Service.Tenants;

namespace Metering.Service.Ui;

/// <summary>What rules would match among the workloads of the ledger, at one instant, beside what holds now.</summary>
internal sealed record RulePreview(IReadOnlyList<int> PerRule, IReadOnlyList<RulePreview.Line> Lines, int Changed, int Unattributed)
{
    /// <param name="Rule">Place of the rule that wins, from 1; null: none matches.</param>
    internal sealed record Line(OwnedWorkload Workload, int? Rule, string Then)
    {
        public string Name => Workload.Name;

        public string Now => Workload.Tenant;

        public bool IsChanged => Workload.Tenant != Then;
    }

    public static RulePreview Of(IReadOnlyList<OwnershipRule> rules, IReadOnlyList<OwnedWorkload> workloads, DateTimeOffset now)
    {
        var counts = new int[rules.Count];
        var lines = new List<Line>();
        foreach (var workload in workloads)
        {
            int? wins = null;
            for (var i = 0; i < rules.Count && wins is null; i++)
            {
                var rule = rules[i];
                if ((rule.From is { } from && now < from) || (rule.To is { } to && now >= to)) continue;
                if (rule.Matches(workload.Host, workload.Kind, workload.Name, workload.Path, workload.Labels)) wins = i;
            }

            if (wins is { } won) counts[won]++;
            lines.Add(new Line(workload, wins + 1, wins is { } at ? rules[at].Tenant : "unattributed"));
        }

        return new RulePreview(counts, [.. lines.OrderByDescending(line => line.IsChanged).ThenBy(line => line.Rule ?? int.MaxValue).ThenBy(line => line.Name, StringComparer.Ordinal)], lines.Count(line => line.IsChanged), lines.Count(line => line.Rule is null));
    }
}
