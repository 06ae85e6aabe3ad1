namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Which containers run in a gVisor sandbox, from the names of runsc's state files alone: <c>ROOT[/NAMESPACE]/CONTAINER_sandbox:SANDBOX.state</c> (gvisor, runsc/container/state_file.go).
/// All containers of a sandbox run in the sandbox's cgroup, which in Kubernetes is the pod's: that is where their use is, and the cgroups of the others stay empty.
/// </summary>
internal sealed class GvisorSandboxes : INameSource
{
    private const string Mark = "_sandbox:", Extension = ".state";

    // containerd-shim-runsc-v1, dockerd by the name that the runtime has in daemon.json, runsc by hand.
    private static readonly string[] Roots = ["/run/containerd/runsc", "/run/k3s/containerd/runsc", "/run/docker/runtime-runsc", "/run/docker/runtime-runc", "/run/runsc"];
    private static readonly string[] Namespaces = ["", "/k8s.io", "/default", "/moby"];
    private readonly FileIndex<Dictionary<string, string>> _sandboxes;

    public GvisorSandboxes(NameFiles files)
    {
        string[] paths = [.. Roots.SelectMany(root => Namespaces.Select(space => root + space))];
        _sandboxes = new(files, paths, () => Read(files, paths));
    }

    public bool Handles(Workload workload) => NameText.ContainerId(workload) is not null || workload.Kind is WorkloadKinds.Raw or WorkloadKinds.SystemdScope;

    public void Describe(Workload workload, NameFacts facts)
    {
        // By hand the cgroup is named as the container is, if nothing else was asked for.
        var id = NameText.ContainerId(workload) ?? workload.Path[(workload.Path.LastIndexOf('/') + 1)..];
        if (!_sandboxes.Value.TryGetValue(id, out var sandbox)) return;
        facts.Fact("runtime.name", "gvisor");
        if (sandbox != id) facts.Fact("runtime.sandbox", sandbox);
    }

    private static Dictionary<string, string> Read(NameFiles files, IEnumerable<string> directories)
    {
        var sandboxes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in directories.SelectMany(files.Names))
        {
            // Neither '_' nor ':' can be in an id.
            var mark = name.IndexOf(Mark, StringComparison.Ordinal);
            if (mark > 0 && name.EndsWith(Extension, StringComparison.Ordinal)) sandboxes[name[..mark]] = name[(mark + Mark.Length)..^Extension.Length];
        }

        return sandboxes;
    }
}
