namespace Metering.Agent.Workloads;

using Kinds = WorkloadKinds;

/// <summary>
/// The systems we know, in order: where two rules match up to the same component the first one wins, so the special stands before the general.
/// Adding a system is adding a rule here and its paths to <c>paths.txt</c> of the tests, which check that every rule is covered.
/// </summary>
internal static class BuiltInRules
{
    private const string Hex32 = "[0-9a-f]{32}";
    private const string Hex64 = "[0-9a-f]{64}";
    private const string Uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

    // Static pods are named by the hash of their manifest, which is not the uid the API server knows: the label says so.
    private const string PodUid = "(?<pod>[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|(?<configHash>[0-9a-f]{32}))";
    private const string PodSlice = $@"(?:[^/:]*-)?kubepods(?:-(?<qos>besteffort|burstable))?-pod{PodUid}\.slice";
    private const string PodDirectory = $"kubepods/(?:(?<qos>besteffort|burstable)/)?pod{PodUid}";
    private const string Pod = $"(?:{PodSlice}|{PodDirectory})";
    private const string PodContainer = $@"(?:(?<runtime>cri-containerd|crio|docker|kata)[-_])?(?<container>{Hex64})(?:\.scope)?";

    // A cgroup path of the systemd form given to a runtime that uses the cgroupfs driver becomes one directory "slice:prefix:id".
    private const string UnsplitSlice = @"(?:[^/:]*\.slice:)";
    private const string Scope = @"(?:\.scope)?";

    private const string SlurmJob = @"(?:job_(?<job>[0-9]+)|(?<sluid>s[0-9A-F][0-9A-HJKMNP-TV-Z]{12}))";
    private const string SlurmStep = @"(?:/step_(?<step>[^/]+)(?:/(?:user|slurm)(?:/task_(?<task>\w+))?)?)?";

    // A pod without a QoS level in its path is a guaranteed one.
    private static readonly Dictionary<string, string> Guaranteed = new() { ["qos"] = "guaranteed" };

    public static readonly IReadOnlyList<WorkloadRule> All =
    [
        // Kata: hypervisor and shim of a sandbox, unless sandbox_cgroup_only puts them into the pod. Before Kubernetes,
        // because runtime-rs repeats the pod's path below kata_overhead.
        new()
        {
            Name = "kata-overhead-pod", Kind = Kinds.Kata,
            Match = $@"kata_overhead/(?:[^/]+/){{0,8}}(?:{Pod}/(?:[a-z-]+[-_])?|{PodSlice}:[a-z-]+:)(?<id>{Hex64}){Scope}",
            Overhead = true, Labels = Guaranteed,
        },
        new() { Name = "kata-overhead", Kind = Kinds.Kata, Match = $"kata_overhead/(?:[^/]+/){{0,8}}(?<id>{Hex64})", Overhead = true },
        new()
        {
            Name = "kata-overhead-systemd", Kind = Kinds.Kata,
            Match = $@"kata[-_]overhead\.slice/(?:[^/]*-)?(?<id>{Hex64}){Scope}",
            Overhead = true,
        },

        // Kubernetes: any runtime below a pod, before the runtimes themselves.
        new()
        {
            Name = "kubernetes-conmon", Kind = Kinds.Kubernetes,
            Match = $"{Pod}/crio-conmon-(?<container>{Hex64}){Scope}",
            Id = "{pod}/{container}/conmon", Overhead = true, Labels = Guaranteed,
        },
        new()
        {
            Name = "kubernetes-container", Kind = Kinds.Kubernetes,
            Match = $"{Pod}/{PodContainer}",
            Id = "{pod}/{container}", Labels = Guaranteed,
        },
        new()
        {
            Name = "kubernetes-driver-mismatch", Kind = Kinds.Kubernetes,
            Match = $"{PodSlice}:(?<runtime>cri-containerd|crio|docker):(?<container>{Hex64})",
            Id = "{pod}/{container}", Labels = Guaranteed,
        },
        new() { Name = "kubernetes-pod", Kind = Kinds.Kubernetes, Match = Pod, Id = "{pod}", Whole = false, Labels = Guaranteed },

        // Amazon ECS: its tasks hold Docker containers.
        new()
        {
            Name = "ecs-container", Kind = Kinds.Ecs,
            Match = $@"ecstasks\.slice/ecstasks-(?<task>{Hex32})\.slice/(?:docker|cri-containerd)-(?<container>{Hex64})\.scope",
            Id = "{task}/{container}",
        },
        new()
        {
            Name = "ecs-task", Kind = Kinds.Ecs,
            Match = $@"ecstasks\.slice/ecstasks-(?<task>{Hex32})\.slice",
            Id = "{task}", DisplayName = "{task}", Whole = false,
        },
        new()
        {
            Name = "ecs-container-cgroupfs", Kind = Kinds.Ecs,
            Match = $@"ecs/(?:[^/]+/)?(?<task>{Hex32}|{Uuid})/(?<container>{Hex64}|{Hex32}-[0-9]+)",
            Id = "{task}/{container}",
        },
        new()
        {
            Name = "ecs-task-cgroupfs", Kind = Kinds.Ecs,
            Match = $"ecs/(?:[^/]+/)?(?<task>{Hex32}|{Uuid})",
            Id = "{task}", DisplayName = "{task}", Whole = false,
        },

        // Docker and Swarm (same paths), BuildKit below Docker (25 digits base 36, so the digits tell them apart).
        new() { Name = "docker", Kind = Kinds.Docker, Match = $"(?:docker[-/]|{UnsplitSlice}docker:)(?<id>{Hex64}){Scope}" },
        new() { Name = "docker-actions-runner", Kind = Kinds.Docker, Match = $"actions_job/(?<id>{Hex64})" },
        new()
        {
            Name = "buildkit", Kind = Kinds.BuildKit,
            Match = $"(?:docker/buildkit/|buildkit/|docker-|buildkit-)(?<id>[a-z0-9]{{25}}){Scope}",
        },

        // CRI-O and containerd outside a pod.
        new()
        {
            Name = "crio-conmon", Kind = Kinds.CriO,
            Match = $"{UnsplitSlice}?(?:crio-conmon[-:])(?<container>{Hex64}){Scope}",
            Id = "{container}/conmon", Overhead = true,
        },
        new() { Name = "crio", Kind = Kinds.CriO, Match = $"{UnsplitSlice}?crio[-:](?<id>{Hex64}){Scope}" },
        new() { Name = "containerd-cri", Kind = Kinds.Containerd, Match = $"{UnsplitSlice}?cri-containerd[-:](?<id>{Hex64}){Scope}" },
        new() { Name = "nerdctl", Kind = Kinds.Containerd, Match = $"{UnsplitSlice}?nerdctl[-:](?<id>{Hex64}){Scope}" },

        // Podman.
        new()
        {
            Name = "podman-conmon", Kind = Kinds.Podman,
            Match = $@"(?:[^/]*libpod_pod_(?<pod>{Hex64})\.slice/|libpod_parent/(?<pod>{Hex64})/)?libpod-conmon-(?<container>{Hex64}){Scope}",
            Id = "{container}/conmon", Overhead = true,
        },
        new()
        {
            Name = "podman-conmon-cgroupfs", Kind = Kinds.Podman,
            Match = $"libpod_parent/(?:(?<pod>{Hex64})/)?conmon",
            DisplayName = "conmon", Overhead = true,
        },
        new() { Name = "podman-pause", Kind = Kinds.Podman, Match = @"podman-(?:pause-[0-9a-f]+|[0-9]+)\.scope", Overhead = true },
        new()
        {
            Name = "podman-pod-container", Kind = Kinds.Podman,
            Match = $@"(?:[^/]*libpod_pod_(?<pod>{Hex64})(?:\.slice)?|libpod_parent/(?<pod>{Hex64}))/libpod-(?<container>{Hex64}){Scope}",
            Id = "{container}",
        },

        // With --cgroups=split (quadlet) the container id changes at each start while the unit stays.
        new() { Name = "podman-split", Kind = Kinds.Podman, Match = $@"(?<unit>[^/]+\.service)/libpod-payload-(?<container>{Hex64})" },
        new() { Name = "podman", Kind = Kinds.Podman, Match = $"(?:libpod-(?:payload-)?|{UnsplitSlice}libpod:)(?<id>{Hex64}){Scope}" },
        new()
        {
            Name = "podman-pod", Kind = Kinds.Podman,
            Match = $@"(?:[^/]*libpod_pod_(?<pod>{Hex64})(?:\.slice)?|libpod_parent/(?<pod>{Hex64}))",
            Id = "{pod}", Whole = false,
        },

        // Batch systems. Two slurmd on one host may run parts of the same job: then the node is part of the id.
        new() { Name = "slurm-job", Kind = Kinds.Slurm, Match = $@"slurmstepd\.scope/{SlurmJob}{SlurmStep}", Id = "{job}{sluid}" },
        new()
        {
            Name = "slurm-node-job", Kind = Kinds.Slurm,
            Match = $@"(?<node>[^/]+)_slurmstepd\.scope/{SlurmJob}{SlurmStep}",
            Id = "{node}/{job}{sluid}", DisplayName = "{job}{sluid}",
        },
        new() { Name = "slurm-v1-job", Kind = Kinds.Slurm, Match = $@"slurm/uid_(?<user>[0-9]+)/{SlurmJob}{SlurmStep}", Id = "{job}{sluid}" },
        new()
        {
            Name = "slurm-v1-node-job", Kind = Kinds.Slurm,
            Match = $@"slurm_(?<node>[^/]+)/uid_(?<user>[0-9]+)/{SlurmJob}{SlurmStep}",
            Id = "{node}/{job}{sluid}", DisplayName = "{job}{sluid}",
        },
        new() { Name = "slurm-waiting-area", Kind = Kinds.Slurm, Match = @"(?:(?<node>[^/]+)_)?slurmstepd\.scope/system", Overhead = true },

        // A slot is used by one job after another; the startd's history tells which job it was at an instant.
        new()
        {
            Name = "htcondor", Kind = Kinds.HtCondor,
            Match = @"htcondor/(?<execute>[^/]*)_(?<slot>slot[0-9]+(?:_[0-9]+)?@[^/]+)",
            Id = "{slot}",
        },
        new() { Name = "mesos", Kind = Kinds.Mesos, Match = $"mesos/(?<id>{Uuid})" },
        new() { Name = "mesos-agent", Kind = Kinds.Mesos, Match = "mesos/agent", Overhead = true },
        new()
        {
            Name = "nomad", Kind = Kinds.Nomad,
            Match = $@"nomad\.slice/(?:(?<cores>share|reserve)\.slice/)?(?<alloc>{Uuid})\.(?<task>[^/]+)\.scope",
            Id = "{alloc}/{task}", DisplayName = "{task}",
        },

        // System containers and machines. Proxmox numbers its guests, so it stands before the names of LXC.
        new()
        {
            Name = "proxmox-container-monitor", Kind = Kinds.Proxmox,
            Match = @"lxc\.monitor/(?<vmid>[0-9]+)",
            Id = "{vmid}/monitor", DisplayName = "{vmid}", Overhead = true,
        },
        new()
        {
            Name = "proxmox-container", Kind = Kinds.Proxmox,
            Match = @"lxc/(?<id>[0-9]+)",
            Labels = new Dictionary<string, string> { ["guest"] = "lxc" },
        },
        new()
        {
            Name = "proxmox-machine", Kind = Kinds.Proxmox,
            Match = @"qemu\.slice/(?<id>[0-9]+)\.scope",
            Labels = new Dictionary<string, string> { ["guest"] = "qemu" },
        },
        new() { Name = "lxc-payload", Kind = Kinds.Lxc, Match = @"lxc\.payload\.(?<id>[^/]+)" },
        new() { Name = "lxc-monitor", Kind = Kinds.Lxc, Match = @"lxc\.monitor\.(?<name>[^/]+)", Id = "{name}/monitor", Overhead = true },
        new() { Name = "lxc-pivot", Kind = Kinds.Lxc, Match = @"lxc\.pivot", Overhead = true },
        new() { Name = "lxc-old", Kind = Kinds.Lxc, Match = "lxc/(?<id>[^/]+)" },
        new()
        {
            Name = "rkt", Kind = Kinds.Rkt,
            Match = @"machine-rkt\\x2d(?<pod>[^/]+)\.scope(?:/system\.slice/(?<app>[^/]+)\.service)?",
            Id = "{pod}",
        },

        // Domain numbers of libvirt change at each start, names stay. Names are unique per driver; nearly always that is qemu.
        new()
        {
            Name = "libvirt-qemu", Kind = Kinds.Libvirt,
            Match = @"machine-(?<driver>qemu)\\x2d(?<domain>[0-9]+)\\x2d(?<id>[^/]+)\.scope",
        },
        new()
        {
            Name = "libvirt-other", Kind = Kinds.Libvirt,
            Match = @"machine-(?<driver>lxc|ch|xen|bhyve)\\x2d(?<domain>[0-9]+)\\x2d(?<name>[^/]+)\.scope",
            Id = "{driver}/{name}",
        },
        new()
        {
            Name = "libvirt-cgroupfs", Kind = Kinds.Libvirt,
            Match = @"machine(?:\.slice)?/(?:qemu-(?<domain>[0-9]+)-)?(?<id>[^/]+)\.libvirt-(?<driver>qemu)",
        },
        new()
        {
            Name = "libvirt-cgroupfs-other", Kind = Kinds.Libvirt,
            Match = @"machine(?:\.slice)?/(?:(?:lxc|ch|xen|bhyve)-(?<domain>[0-9]+)-)?(?<name>[^/]+)\.libvirt-(?<driver>lxc|ch|xen|bhyve)",
            Id = "{driver}/{name}",
        },
        new() { Name = "nspawn-service", Kind = Kinds.SystemdNspawn, Match = @"systemd-(?:nspawn|vmspawn)@(?<id>[^/]+)\.service" },
        new() { Name = "nspawn-scope", Kind = Kinds.SystemdNspawn, Match = @"machine-(?<id>[^/]+)\.scope" },
        new() { Name = "openvz", Kind = Kinds.OpenVz, Match = $@"machine\.slice/(?<id>[0-9]+|{Uuid})" },
        new()
        {
            Name = "firecracker", Kind = Kinds.Firecracker,
            Match = @"firecracker(?:-containerd|-v[0-9][0-9A-Za-z._-]*)?/(?<id>[0-9A-Za-z-]+)",
        },

        // Apptainer without a cgroup of its own stays in its caller's session or job; scopes carry the number of the process.
        new() { Name = "apptainer-oci", Kind = Kinds.Apptainer, Match = @"(?<engine>apptainer|singularity)-oci[-/](?<id>[^/]+)\.scope" },
        new()
        {
            Name = "apptainer", Kind = Kinds.Apptainer,
            Match = @"(?<engine>apptainer|singularity)-(?<id>[^/]+)\.scope",
            DisplayName = "{engine}-{id}",
        },
        new()
        {
            Name = "apptainer-cgroupfs", Kind = Kinds.Apptainer,
            Match = "(?<engine>apptainer|singularity)(?:-oci)?/(?<id>[^/]+)",
            DisplayName = "{engine}-{id}",
        },

        // A sandbox outside a pod: its id keeps the prefix, since the bare one is its overhead's.
        new() { Name = "kata", Kind = Kinds.Kata, Match = $"kata_(?<container>{Hex64})", Id = "kata_{container}" },

        // Bare ids: containerd puts them below its namespace, Docker with the cgroupfs driver below any --cgroup-parent.
        new() { Name = "containerd-default", Kind = Kinds.Containerd, Match = $@"(?<namespace>default|k8s\.io)/(?<id>{Hex64})" },
        new() { Name = "containerd-namespace", Kind = Kinds.Containerd, Match = $@"(?<namespace>[\w.-]+)/(?<id>{Hex64})", FromRoot = true },
        new() { Name = "docker-cgroup-parent", Kind = Kinds.Docker, Match = $@"[\w-]+/(?<id>{Hex64})" },

        // Applications that are systemd units.
        new()
        {
            Name = "flatpak", Kind = Kinds.Flatpak,
            Match = @"app-flatpak-(?<name>[^/]+)-(?<instance>[0-9]+)\.scope",
            Id = "{name}/{instance}", Layer = RuleLayer.Unit,
        },
        new()
        {
            Name = "snap-hook", Kind = Kinds.Snap,
            Match = $@"snap\.(?<snap>[^./]+)\.hook\.(?<hook>[^./]+?)(?:[-.](?<instance>{Uuid}))?\.(?:scope|service)",
            DisplayName = "{snap}.{hook}", Layer = RuleLayer.Unit,
        },
        new()
        {
            Name = "snap-instance", Kind = Kinds.Snap,
            Match = $@"snap\.(?<snap>[^./]+)\.(?<app>[^./]+)[-.](?<instance>{Uuid})\.(?:scope|service)",
            DisplayName = "{snap}.{app}", Layer = RuleLayer.Unit,
        },
        new()
        {
            Name = "snap", Kind = Kinds.Snap,
            Match = @"snap\.(?<snap>[^./]+)\.(?<app>[^/]+)\.(?:scope|service)",
            DisplayName = "{snap}.{app}", Layer = RuleLayer.Unit,
        },
    ];

    /// <summary>
    /// Services and scopes whose cgroup holds workloads of others, so that they are walked and not billed as a whole. <c>*</c> stands for anything.
    /// A name too many costs a few more readings; a name missing bills a tenant's container to the daemon that started it.
    /// </summary>
    public static readonly IReadOnlyList<string> WalkedUnits =
    [
        "user@*.service",
        "containerd.service", "docker.service", "dockerd.service", "podman.service", "podman@*.service", "crio.service", "cri-o.service",
        "buildkit.service", "buildkitd.service",
        "kubelet.service", "k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service", "k0scontroller.service",
        "k0sworker.service", "rkt-*.service",
        "snap.docker.*.service", "snap.microk8s.*.service", "snap.kubelet*.service", "snap.lxd.*.service", "snap.multipass.*.service",
        "lxd.service", "lxc.service", "lxc@*.service", "lxc-net.service", "incus.service", "libvirtd.service", "virtqemud.service", "virtlxcd.service",
        "slurmd.service", "slurmd@*.service", "slurmstepd.scope", "*_slurmstepd.scope",
        "condor.service", "htcondor.service", "nomad.service", "ecs.service", "amazon-ecs-init.service",
        "mesos-agent.service", "mesos-slave.service", "dcos-mesos-slave.service",
        "actions.runner.*.service", "gitlab-runner.service", "garden.service", "yarn-nodemanager.service", "hadoop-yarn-nodemanager.service",
    ];
}
