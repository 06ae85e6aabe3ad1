namespace Metering.Identity;

/// <summary>The kinds that agents know of themselves; rules of an operator may add others.</summary>
public static class WorkloadKindNames
{
    public static readonly IReadOnlyList<string> All =
    [
        "docker", "kubernetes", "containerd", "crio", "podman", "buildkit", "lxc", "proxmox", "systemd-nspawn", "libvirt", "firecracker", "apptainer", "kata", "slurm", "htcondor", "mesos", "nomad", "ecs", "openvz", "rkt",
        "flatpak", "snap", "systemd-service", "systemd-scope", "systemd-slice", "systemd-mount", "systemd-socket", "systemd-swap", "user-session", "raw", "system",
    ];
}
