using System.Text.Json;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Containers that runc or crun run by hand: their paths can be anything, so the state files tell which container a path is. <c>/run/runc/ID/state.json</c> has <c>cgroup_paths</c>
/// (runc, libcontainer/container_linux.go), <c>/run/crun/ID/status</c> has <c>cgroup-path</c> (crun, src/libcrun/status.c).
/// </summary>
internal sealed class RuntimeStates : INameSource
{
    private const string Runc = "/run/runc", Crun = "/run/crun";
    private readonly FileIndex<Dictionary<string, (string Runtime, string Id)>> _byPath;

    // The directory of a container is there before its state.
    public RuntimeStates(NameFiles files, int seconds = 10) => _byPath = new(files, [Runc, Crun], () => Read(files), seconds);

    public bool Handles(Workload workload) => workload.Kind is WorkloadKinds.Raw or WorkloadKinds.SystemdScope;

    public void Describe(Workload workload, NameFacts facts)
    {
        if (!_byPath.Value.TryGetValue(workload.Path, out var container)) return;
        facts.Call(container.Id);
        facts.Fact("runtime.name", container.Runtime);
    }

    private static Dictionary<string, (string, string)> Read(NameFiles files)
    {
        var byPath = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        foreach (var id in files.Names(Runc))
        {
            if (files.Json($"{Runc}/{id}/state.json")?.Inner("cgroup_paths") is not { ValueKind: JsonValueKind.Object } paths) continue;
            foreach (var path in paths.EnumerateObject().Select(path => path.Value).Where(value => value.ValueKind == JsonValueKind.String))
                byPath[IdentifyFormat.CgroupPath(path.GetString()!)] = ("runc", id);
        }

        foreach (var id in files.Names(Crun))
        {
            // Inside the path that crun was given it makes one more directory, "container".
            if (files.Json($"{Crun}/{id}/status")?.Text("cgroup-path") is not { Length: > 1 } path) continue;
            byPath[path] = ("crun", id);
            if (path.EndsWith("/container", StringComparison.Ordinal)) byPath[path[..^10]] = ("crun", id);
        }

        return byPath;
    }
}
