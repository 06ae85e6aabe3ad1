using System.Text.Json;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Name and image of Podman's containers from <c>DRIVER-containers/containers.json</c> of containers/storage (container.go, containers.go), labels from <see cref="PodmanStates"/>: of root's
/// store, or that of the user a rootless container runs for.
/// </summary>
internal sealed class PodmanContainers(NameFiles files, UserNames users) : INameSource
{
    private const int MaxStores = 256, MaxLabels = 1000;
    private const string System = "/var/lib/containers/storage";
    private static readonly string[] Drivers = ["overlay", "vfs", "btrfs", "zfs"];
    private readonly Dictionary<string, FileIndex<Dictionary<string, Container>>> _stores = new(StringComparer.Ordinal);

    public bool Handles(Workload workload) => NameText.ContainerId(workload) is not null;

    public void Describe(Workload workload, NameFacts facts)
    {
        if (NameText.ContainerId(workload) is not { } id) return;
        var root = workload.User is null ? System : users.Home(workload.User) is { } home ? $"{home}/.local/share/containers/storage" : null;
        if (root is null || !Store(root).Value.TryGetValue(id, out var found)) return;

        // In a unit of its own (quadlet) the container has the unit's name; both are worth knowing.
        facts.Call(found.Name);
        facts.Fact("image", found.Image);
        foreach (var (key, value) in found.Labels) facts.Label(key, value);
    }

    private FileIndex<Dictionary<string, Container>> Store(string root)
    {
        if (_stores.TryGetValue(root, out var store)) return store;
        if (_stores.Count >= MaxStores) _stores.Clear();
        var paths = Drivers.SelectMany(driver => new[] { $"{root}/{driver}-containers/containers.json", $"{root}/{driver}-containers/volatile-containers.json" }).ToArray();
        return _stores[root] = new(files, [.. paths, .. PodmanStates.Paths(root)], () => Read(root, paths));
    }

    private Dictionary<string, Container> Read(string root, string[] paths)
    {
        var containers = new Dictionary<string, Container>(StringComparer.Ordinal);
        foreach (var path in paths)
        {
            if (files.Json(path, NameFiles.MaxIndexBytes) is not { ValueKind: JsonValueKind.Array } list) continue;
            foreach (var one in list.EnumerateArray().Take(NameFiles.MaxEntries))
            {
                if (one.Text("id") is not { } id) continue;
                var name = one.Inner("names") is { ValueKind: JsonValueKind.Array } names && names.GetArrayLength() > 0 && names[0].ValueKind == JsonValueKind.String ? names[0].GetString() : null;
                containers[id] = new Container(name, Image(one.Text("metadata")), []);
            }
        }

        foreach (var (id, config) in PodmanStates.Read(files, root, root == System))
        {
            if (config.Inner("labels") is not { ValueKind: JsonValueKind.Object } labels || !containers.TryGetValue(id, out var container)) continue;
            containers[id] = container with { Labels = [.. labels.EnumerateObject().Take(MaxLabels).Where(label => label.Value.ValueKind == JsonValueKind.String).Select(label => (label.Name, label.Value.GetString()!))] };
        }

        return containers;
    }

    // A text that is JSON itself: {"image-name":"docker.io/library/nginx:latest","name":"web",…}.
    private static string? Image(string? metadata)
    {
        if (metadata is null) return null;
        try
        {
            using var document = JsonDocument.Parse(metadata);
            return document.RootElement.Text("image-name");
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed record Container(string? Name, string? Image, IReadOnlyList<(string Key, string Value)> Labels);
}
