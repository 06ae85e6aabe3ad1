namespace Metering.Agent.Workloads;

/// <summary>
/// How one system lays out its cgroups, as data: the built-in rules and an operator's have this one shape.
/// Named groups of <see cref="Match"/> fill the workload: <c>id</c>, <c>name</c>, <c>pod</c>, <c>container</c>, <c>user</c>;
/// <c>unit</c> is a component whose path becomes the id; every other named group becomes a label.
/// </summary>
public sealed record WorkloadRule
{
    /// <summary>Unique over all rules.</summary>
    public required string Name { get; init; }

    /// <summary>One of <see cref="WorkloadKinds"/>, or an operator's own.</summary>
    public required string Kind { get; init; }

    /// <summary>
    /// Regular expression over whole path components, escaped as in the file system, without leading or trailing slash.
    /// It may begin at any component, because cgroups nest under the cgroup of whatever runs the system.
    /// Run in linear time: look-around and back-references are refused.
    /// </summary>
    public required string Match { get; init; }

    /// <summary>True if the match must begin at the cgroup2 root: for patterns too general to be looked for everywhere.</summary>
    public bool FromRoot { get; init; }

    /// <summary>Pattern of the id such as <c>{pod}/{container}</c>. Default: the group <c>id</c>, else the path of the matched cgroup.</summary>
    public string? Id { get; init; }

    /// <summary>
    /// Pattern of the shown name. Default: the group <c>name</c>, else unit, container, id or pod (64 hex digits shortened to 12),
    /// else the last matched component.
    /// </summary>
    public string? DisplayName { get; init; }

    /// <summary>What <see cref="Match"/> competes with.</summary>
    public RuleLayer Layer { get; init; }

    /// <summary>True for what serves a workload and is none itself.</summary>
    public bool Overhead { get; init; }

    /// <summary>False for levels that only hold workloads (a pod, a task): they are walked further.</summary>
    public bool Whole { get; init; } = true;

    /// <summary>Labels that every match gets unless a group of the same name says otherwise.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = NoLabels;

    private static readonly Dictionary<string, string> NoLabels = [];
}
