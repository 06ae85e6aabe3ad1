namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Pod, namespace and container from the names of the kubelet's log directories: <c>/var/log/pods/NAMESPACE_POD_UID/CONTAINER</c> and the links
/// <c>/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log</c> (kubelet, pkg/kubelet/kuberuntime). Needs no API, no socket and, by default, no privilege; they stay for a while after the pod.
/// </summary>
internal sealed class KubernetesLogs : INameSource
{
    private const string Pods = "/var/log/pods", Containers = "/var/log/containers";
    private readonly FileIndex<Dictionary<string, (string Namespace, string Pod)>> _pods;
    private readonly FileIndex<Dictionary<string, (string Namespace, string Pod, string Container)>> _containers;

    public KubernetesLogs(NameFiles files)
    {
        _pods = new(files, [Pods], () => ReadPods(files));
        _containers = new(files, [Containers], () => ReadContainers(files));
    }

    public bool Handles(Workload workload) => workload.Pod is not null || NameText.ContainerId(workload) is not null;

    public void Describe(Workload workload, NameFacts facts)
    {
        if (NameText.ContainerId(workload) is { } id && _containers.Value.TryGetValue(id, out var container))
        {
            Tell(facts, container.Namespace, container.Pod);
            facts.Fact("kubernetes.container", container.Container);
            facts.Call($"{container.Namespace}/{container.Pod}/{container.Container}");
            return;
        }

        // Also the sandbox of a pod, which has no log: it is known by its pod.
        if (workload.Pod is null || !_pods.Value.TryGetValue(workload.Pod, out var pod)) return;
        Tell(facts, pod.Namespace, pod.Pod);
        facts.Call($"{pod.Namespace}/{pod.Pod}");
    }

    private static void Tell(NameFacts facts, string ns, string pod)
    {
        facts.Fact("kubernetes.namespace", ns);
        facts.Fact("kubernetes.pod", pod);
    }

    // Namespaces and pods are DNS names: no underscore in them. The uid of a static pod is the hash of its manifest, here as in its cgroup.
    private static Dictionary<string, (string, string)> ReadPods(NameFiles files)
    {
        var pods = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        foreach (var name in files.Names(Pods))
        {
            if (name.Split('_') is [{ Length: > 0 } ns, { Length: > 0 } pod, { Length: > 0 } uid]) pods[uid] = (ns, pod);
        }

        return pods;
    }

    private static Dictionary<string, (string, string, string)> ReadContainers(NameFiles files)
    {
        var containers = new Dictionary<string, (string, string, string)>(StringComparer.Ordinal);
        foreach (var name in files.Names(Containers))
        {
            if (!name.EndsWith(".log", StringComparison.Ordinal) || name.Split('_') is not [{ Length: > 0 } pod, { Length: > 0 } ns, { Length: > 69 } rest]) continue;
            var (container, id) = (rest[..^69], rest[^68..^4]);
            if (rest[^69] == '-' && NameText.IsContainerId(id)) containers[id] = (ns, pod, container);
        }

        return containers;
    }
}
