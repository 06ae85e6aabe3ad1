using System.IO.Enumeration;
using Metering.Safety;

namespace Metering.Agent.Workloads;

/// <summary>
/// Tells whose a cgroup is from its path alone: pure, deterministic, safe to call from any thread, and never failing, whatever the names in the path.
/// The innermost container decides; at the same depth the first rule; without a container the systemd unit; else the path stands for itself.
/// </summary>
public sealed class WorkloadRecogniser
{
    private readonly CompiledRule[] _rules;
    private readonly string[] _walkedUnits;

    /// <summary>Knows the built-in rules only.</summary>
    public WorkloadRecogniser()
        : this([], [])
    {
    }

    /// <summary>
    /// An operator's rules stand before the built-in ones.
    /// Throws <see cref="UserErrorException"/> on a duplicate name or a wrong expression.
    /// </summary>
    /// <param name="operatorRules">Rules of this site.</param>
    /// <param name="operatorWalkedUnits">Names of further units (with <c>*</c>) that hold workloads of others.</param>
    public WorkloadRecogniser(IReadOnlyCollection<WorkloadRule> operatorRules, IEnumerable<string> operatorWalkedUnits)
        : this(operatorRules, BuiltInRules.All, operatorWalkedUnits)
    {
    }

    private WorkloadRecogniser(IReadOnlyCollection<WorkloadRule> foreign, IReadOnlyCollection<WorkloadRule> own, IEnumerable<string> operatorWalkedUnits)
    {
        Rules = [.. foreign, .. own];
        if (Rules.GroupBy(rule => rule.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw UserErrorException.Usage($"Two workload rules are named '{twice.Key}'; rename one.");
        _rules = [.. foreign.Select(rule => new CompiledRule(rule, linear: true)), .. own.Select(rule => new CompiledRule(rule, linear: false))];
        _walkedUnits = [.. operatorWalkedUnits, .. BuiltInRules.WalkedUnits];
    }

    /// <summary>All rules in the order of precedence.</summary>
    public IReadOnlyList<WorkloadRule> Rules { get; }

    /// <summary>Knows exactly these rules and no built-in one: for tests of the catalogue.</summary>
    internal static WorkloadRecogniser Only(IReadOnlyCollection<WorkloadRule> rules, bool linear = false) => linear ? new(rules, [], []) : new([], rules, []);

    /// <summary>Whose the cgroup at a path below the cgroup2 root is.</summary>
    public Workload Recognise(string path)
    {
        path = Normalise(path);
        if (path == "/") return Root();

        var subject = path + "/";
        RuleMatch? container = null;
        RuleMatch? pod = null;
        RuleMatch? unit = null;
        RuleMatch? outer = null;
        foreach (var rule in _rules)
        {
            if (rule.Find(subject) is not { } found) continue;
            if (rule.Rule.Layer == RuleLayer.Unit)
            {
                unit = Inner(unit, found);
                continue;
            }

            container = Inner(container, found);
            if (found.Match.Groups["pod"].Success) pod = Inner(pod, found);
            if (outer is null || found.First < outer.First) outer = found;
        }

        // A user slice inside a container numbers the container's users, not the host's.
        var user = UserPath.Find(path, outer?.First ?? path.Length);
        if (container is not null)
        {
            var workload = container.Rule.Describe(path, container);
            workload = workload with { User = user ?? workload.User, Pod = workload.Pod ?? (pod is null ? null : CompiledRule.Pod(pod.Match)) };
            return WithOwner(workload, outer!.Rule.DescribeOutermost(path, outer) with { User = user });
        }

        return RecogniseUnit(path, unit, user);
    }

    // Whoever owns the outermost container pays for what runs inside; a container of the same pod, task or job is no other owner.
    private static Workload WithOwner(Workload workload, Workload outer)
    {
        if ((workload.Kind == outer.Kind && workload.Id == outer.Id) || (workload.Kind == outer.Kind && workload.Pod is not null && workload.Pod == outer.Pod)) return workload;
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in workload.Labels) labels[key] = value;
        labels["owner"] = $"{outer.Kind}/{outer.Id}";
        return workload with { Outer = outer, Labels = labels };
    }

    private Workload RecogniseUnit(string path, RuleMatch? rule, string? user)
    {
        var unit = UnitPath.Find(path, IsWalked);
        if (rule is not null && (rule.Start < unit.End || !unit.Whole))
        {
            var component = path[(path.LastIndexOf('/', rule.End - 1) + 1)..rule.End];
            var workload = rule.Rule.Describe(path, rule);
            return workload with { User = user ?? workload.User, Whole = workload.Whole && !IsWalked(component) };
        }

        var owner = path[..unit.End];
        return new Workload
        {
            Kind = unit.Kind,
            Id = CgroupText.Printable(owner),
            Name = CgroupText.Printable(unit.Kind == WorkloadKinds.Raw ? owner : CgroupText.Unescape(owner[(owner.LastIndexOf('/') + 1)..])),
            Path = CgroupText.Printable(path),
            User = user,
            Whole = unit.Whole,
        };
    }

    private bool IsWalked(string unit) => Array.Exists(_walkedUnits, pattern => FileSystemName.MatchesSimpleExpression(pattern, unit, ignoreCase: false));

    /// <summary>The match that ends further in; of two that end at the same component the one found first, which is the earlier rule's.</summary>
    private static RuleMatch Inner(RuleMatch? current, RuleMatch found) => current is null || found.End > current.End ? found : current;

    private static Workload Root() => new() { Kind = WorkloadKinds.System, Id = "/", Name = WorkloadKinds.System, Path = "/" };

    // One leading slash, none at the end, none doubled; ".." is a name like any other, because no path is opened here.
    private static string Normalise(string path)
    {
        if (path.StartsWith('/') && !path.EndsWith('/') && !path.Contains("//", StringComparison.Ordinal)) return path;
        return "/" + string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries));
    }
}
