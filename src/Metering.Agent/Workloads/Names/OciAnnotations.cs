using System.Text.Json;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Annotations of running containers in the OCI configuration that containerd (and through it CRI, nerdctl, k3s), CRI-O and Podman keep for each: <c>config.json</c> of the bundle.
/// Root's own directories for the system's runtimes, the user's for rootless ones.
/// </summary>
internal sealed class OciAnnotations(NameFiles files, UserNames users) : INameSource
{
    private const string Tasks = "io.containerd.runtime.v2.task";

    public bool Handles(Workload workload) => NameText.ContainerId(workload) is not null;

    public void Describe(Workload workload, NameFacts facts)
    {
        if (NameText.ContainerId(workload) is not { } id) return;
        foreach (var path in Candidates(workload, id))
        {
            if (files.Json(path)?.Inner("annotations") is not { ValueKind: JsonValueKind.Object } annotations) continue;
            Tell(annotations, facts);
            return;
        }
    }

    private IEnumerable<string> Candidates(Workload workload, string id)
    {
        if (workload.User is { } uid)
        {
            yield return $"/run/user/{uid}/containers/overlay-containers/{id}/userdata/config.json";
            if (users.Home(uid) is not { } home) yield break;
            yield return $"{home}/.local/share/containers/storage/overlay-containers/{id}/userdata/config.json";
            yield return $"/run/user/{uid}/containerd/{Tasks}/default/{id}/config.json";
            yield break;
        }

        foreach (var run in (string[])["/run/containerd", "/run/k3s/containerd", "/run/docker/containerd/daemon", "/run/k0s/containerd"])
        {
            foreach (var space in files.Names($"{run}/{Tasks}").Take(64)) yield return $"{run}/{Tasks}/{space}/{id}/config.json";
        }

        yield return $"/run/containers/storage/overlay-containers/{id}/userdata/config.json";
        yield return $"/var/lib/containers/storage/overlay-containers/{id}/userdata/config.json";
    }

    // CRI of containerd writes io.kubernetes.cri.*, CRI-O io.kubernetes.*, nerdctl nerdctl/*.
    private static void Tell(JsonElement annotations, NameFacts facts)
    {
        var ns = annotations.Text("io.kubernetes.cri.sandbox-namespace") ?? annotations.Text("io.kubernetes.pod.namespace");
        var pod = annotations.Text("io.kubernetes.cri.sandbox-name") ?? annotations.Text("io.kubernetes.pod.name");
        var container = annotations.Text("io.kubernetes.cri.container-name") ?? annotations.Text("io.kubernetes.container.name");
        facts.Fact("kubernetes.namespace", ns);
        facts.Fact("kubernetes.pod", pod);
        facts.Fact("kubernetes.container", container);
        if (ns is not null && pod is not null) facts.Call(container is null ? $"{ns}/{pod}" : $"{ns}/{pod}/{container}");
        facts.Call(annotations.Text("nerdctl/name"));
        facts.Fact("image", annotations.Text("io.kubernetes.cri.image-name") ?? annotations.Text("io.kubernetes.cri-o.ImageName") ?? annotations.Text("org.opencontainers.image.ref.name"));

        // CRI-O keeps the labels of the pod and its container as JSON in a text.
        if (annotations.Text("io.kubernetes.cri-o.Labels") is { } text) AddJson(facts, text);
        NameText.AddLabels(facts, annotations);
    }

    private static void AddJson(NameFacts facts, string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            NameText.AddLabels(facts, document.RootElement);
        }
        catch (JsonException)
        {
            // A text that is none tells nothing.
        }
    }
}
