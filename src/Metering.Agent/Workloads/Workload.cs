namespace Metering.Agent.Workloads;

/// <summary>Whose a cgroup is: the answer of the recogniser for one path.</summary>
public sealed record Workload
{
    /// <summary><c>docker</c>, <c>kubernetes</c>, <c>podman</c>, <c>systemd-service</c>, …, <c>raw</c>, <c>system</c>; see <see cref="WorkloadKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>What stays the same while the workload lives: container id, unit, job; the path where the system gives nothing better.</summary>
    public required string Id { get; init; }

    /// <summary>What people call it, as far as the path tells.</summary>
    public required string Name { get; init; }

    /// <summary>The cgroup path below the cgroup2 root, escaped for display.</summary>
    public required string Path { get; init; }

    /// <summary>Kubernetes pod uid, podman pod id.</summary>
    public string? Pod { get; init; }

    /// <summary>Container id inside a pod.</summary>
    public string? Container { get; init; }

    /// <summary>Numeric uid of the owner when the path tells it (rootless containers, user sessions).</summary>
    public string? User { get; init; }

    /// <summary>True for what serves a workload and is none itself: conmon, shims, monitors. The kind stays that of the system.</summary>
    public bool Overhead { get; init; }

    /// <summary>True when everything below belongs to this workload and is not walked: a container and its guest, a service.</summary>
    public bool Whole { get; init; }

    /// <summary>The outermost owner in the path, when that is another workload: the machine that a container runs in. It decides whom usage belongs to; null when there is none.</summary>
    public Workload? Outer { get; init; }

    /// <summary>Further facts from the path: <c>qos</c>, <c>job</c>, <c>step</c>, <c>slot</c>, <c>project</c>.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = EmptyLabels;

    private static readonly Dictionary<string, string> EmptyLabels = [];
}
