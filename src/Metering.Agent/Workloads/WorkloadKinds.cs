namespace Metering.Agent.Workloads;

/// <summary>The names of all kinds. They are stored in the ledger and matched by ownership rules: a published name never changes.</summary>
public static class WorkloadKinds
{
    public const string Docker = "docker";
    public const string Kubernetes = "kubernetes";

    /// <summary>Containers of containerd outside a pod: nerdctl, ctr, CRI containers whose pod the path does not tell.</summary>
    public const string Containerd = "containerd";

    /// <summary>Containers of CRI-O outside a pod; inside one the kind is <see cref="Kubernetes"/>.</summary>
    public const string CriO = "crio";
    public const string Podman = "podman";
    public const string BuildKit = "buildkit";
    public const string Lxc = "lxc";
    public const string Proxmox = "proxmox";
    public const string SystemdNspawn = "systemd-nspawn";
    public const string Libvirt = "libvirt";
    public const string Firecracker = "firecracker";
    public const string Apptainer = "apptainer";
    public const string Kata = "kata";
    public const string Slurm = "slurm";
    public const string HtCondor = "htcondor";
    public const string Mesos = "mesos";
    public const string Nomad = "nomad";
    public const string Ecs = "ecs";
    public const string OpenVz = "openvz";
    public const string Rkt = "rkt";
    public const string Flatpak = "flatpak";
    public const string Snap = "snap";
    public const string SystemdService = "systemd-service";
    public const string SystemdScope = "systemd-scope";
    public const string SystemdSlice = "systemd-slice";
    public const string SystemdMount = "systemd-mount";
    public const string SystemdSocket = "systemd-socket";
    public const string SystemdSwap = "systemd-swap";

    /// <summary>Anything below <c>user-UID.slice</c> that is neither a container nor an app with a kind of its own.</summary>
    public const string UserSession = "user-session";

    /// <summary>A directory no rule knows; named by its path until a rule or an ownership rule says more.</summary>
    public const string Raw = "raw";

    /// <summary>The root: what runs in no cgroup of its own, kernel threads first of all.</summary>
    public const string System = "system";
}
