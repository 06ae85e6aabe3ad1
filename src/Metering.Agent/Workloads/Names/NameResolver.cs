namespace Metering.Agent.Workloads.Names;

/// <summary>Asks every source and puts together what they know. Not thread-safe: the sources keep indexes.</summary>
internal sealed class NameResolver
{
    private readonly INameSource[] _sources;
    private readonly LabelChoice _choice;

    /// <param name="root">Before every path; empty for the machine itself.</param>
    /// <param name="cgroups">Where the cgroup2 tree is mounted, for what is told by member processes; null without.</param>
    public NameResolver(LabelChoice choice, string root = "", string? cgroups = null)
    {
        var files = new NameFiles(root);
        var users = new UserNames(files);
        _choice = choice;

        // The first that knows a name wins.
        _sources =
        [
            new KubernetesLogs(files), new OciAnnotations(files, users), new DockerContainers(files, users), new PodmanContainers(files, users), new GvisorSandboxes(files), new RuntimeStates(files),
            new ProxmoxGuests(files), new LxcGuests(files), new Machines(files), new LibvirtDomains(files), new SlurmJobs(files, users, cgroups), new NomadTasks(files, cgroups), new CondorJobs(files), new SystemdUnits(files), users,
        ];
    }

    /// <summary>True when some source may know it, now or later.</summary>
    public bool Handles(Workload workload) => Array.Exists(_sources, source => source.Handles(workload)) || (workload.Outer is { } outer && Handles(outer));

    /// <summary>True for what may pass from one tenant to the next while it lives: it is looked at again and again.</summary>
    public static bool MayChangeHands(Workload workload) => workload.Kind == WorkloadKinds.HtCondor;

    /// <summary>The workload with the name and labels that are known of it; the same object when none are.</summary>
    public Workload Resolve(Workload workload)
    {
        var facts = Ask(workload);

        // Whoever owns the outer container pays for the inner one, and is found by the outer one's names.
        var owner = workload.Outer is { } outer ? Ask(outer) : null;
        if (facts.IsEmpty && owner is not { IsEmpty: false }) return workload;
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in workload.Labels) labels[key] = value;
        foreach (var (key, value) in facts.Labels) labels[key] = value;
        if (owner?.Name is { } name) labels["owner.name"] = name;
        foreach (var (key, value) in owner?.Labels ?? new Dictionary<string, string>())
        {
            if (labels.Count < 2 * NameFacts.MaxLabels) labels["owner." + key] = value;
        }

        return workload with { Id = facts.Tenant is { } tenant ? $"{workload.Id}/{tenant}" : workload.Id, Name = facts.Name ?? workload.Name, Labels = labels };
    }

    private NameFacts Ask(Workload workload)
    {
        var facts = new NameFacts(workload, _choice);
        foreach (var source in _sources)
        {
            if (source.Handles(workload)) source.Describe(workload, facts);
        }

        return facts;
    }
}
