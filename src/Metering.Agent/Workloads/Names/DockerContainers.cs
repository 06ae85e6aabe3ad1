namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Name, image and labels (compose, swarm, ECS among them) of Docker containers from <c>containers/ID/config.v2.json</c> below the daemon's data root
/// (moby, container/container.go): root's for the system's daemon, the user's own for a rootless one. Environment variables in that file are not looked at.
/// </summary>
internal sealed class DockerContainers(NameFiles files, UserNames users) : INameSource
{
    private readonly FileIndex<string[]> _root = new(files, ["/etc/docker/daemon.json"], () =>
        [files.Json("/etc/docker/daemon.json")?.Text("data-root") is { } root && root.StartsWith('/') ? root.TrimEnd('/') : "/var/lib/docker"]);

    public bool Handles(Workload workload) => NameText.ContainerId(workload) is not null;

    public void Describe(Workload workload, NameFacts facts)
    {
        if (NameText.ContainerId(workload) is not { } id) return;
        var root = users.Home(workload.User) is { } home ? $"{home}/.local/share/docker" : _root.Value[0];
        if (files.Json($"{root}/containers/{id}/config.v2.json") is not { } json) return;
        facts.Call(json.Text("Name")?.TrimStart('/'));
        if (json.Inner("Config") is not { } config) return;
        facts.Fact("image", config.Text("Image"));
        NameText.AddLabels(facts, config.Inner("Labels"));
    }
}
