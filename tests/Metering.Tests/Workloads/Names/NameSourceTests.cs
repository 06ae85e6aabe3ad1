using System.Diagnostics;
using System.Runtime.CompilerServices;
using Metering.Agent.Workloads.Names;
using Xunit;

namespace Metering.Tests.Workloads.Names;

/// <summary>State files after each runtime's documented format, and (fixtures/, made by <c>make-fixtures</c>) by the real runtime.</summary>
public sealed class NameSourceTests : IDisposable
{
    private const string A = "4a1e0b6f0d1c2b3a49586776859403122130eeddccbbaa998877665544332211";
    private const string B = "b7c6d5e4f3a2918070615243342516078f9eadbccbdae9f80716253443526170";
    private const string Pod = "2fc932ce-fdcc-454b-97bd-aadfdeb4c340";
    private const string PodSlice = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2fc932ce_fdcc_454b_97bd_aadfdeb4c340.slice";
    private readonly RuntimeTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void Kubernetes_names_come_from_the_log_directories()
    {
        _tree.Write($"/var/log/pods/shop_web-7d4b9_{Pod}/nginx/0.log", "").Write($"/var/log/containers/web-7d4b9_shop_nginx-{A}.log", "")
            .Write("/var/log/pods/kube-system_etcd-node1_0123456789abcdef0123456789abcdef/etcd/0.log", "");

        Assert.Equal("shop/web-7d4b9 kubernetes.namespace=shop kubernetes.pod=web-7d4b9", _tree.Name(PodSlice));
        Assert.Equal("shop/web-7d4b9/nginx kubernetes.container=nginx kubernetes.namespace=shop kubernetes.pod=web-7d4b9", _tree.Name($"{PodSlice}/cri-containerd-{A}.scope"));
        Assert.Equal("kube-system/etcd-node1 kubernetes.namespace=kube-system kubernetes.pod=etcd-node1", _tree.Name("/kubepods/burstable/pod0123456789abcdef0123456789abcdef"));

        // The sandbox, in which gVisor runs the whole pod, has no log and is the pod; what serves a container has its names.
        Assert.Equal("shop/web-7d4b9 kubernetes.namespace=shop kubernetes.pod=web-7d4b9", _tree.Name($"{PodSlice}/cri-containerd-{B}.scope"));
        Assert.StartsWith("shop/web-7d4b9/nginx ", _tree.Name($"{PodSlice}/crio-conmon-{A}.scope"), StringComparison.Ordinal);
        Assert.StartsWith("shop/web-7d4b9 ", _tree.Name($"/kata_overhead/kubepods/burstable/pod{Pod}/{B}"), StringComparison.Ordinal);
    }

    [Fact]
    public void Docker_tells_name_image_and_labels_and_no_environment()
    {
        _tree.Write($"/var/lib/docker/containers/{A}/config.v2.json", $$"""
            {"ID":"{{A}}","Name":"/shop-web-1","Config":{"Image":"nginx:1.27","Env":["SECRET=x","team=blue"],"Labels":{"com.docker.compose.project":"shop","com.docker.swarm.service.name":"web",
             "com.amazonaws.ecs.task-definition-family":"f","team":"red","private":"no","user":"0","owner":"lxc/other","kubernetes.namespace":"x","user.name":"root","slurm.job":"7"} } }
            """);

        Assert.Equal("shop-web-1 com.amazonaws.ecs.task-definition-family=f com.docker.compose.project=shop com.docker.swarm.service.name=web image=nginx:1.27 team=red", _tree.Name($"/system.slice/docker-{A}.scope"));
        Assert.Equal("shop-web-1 private=no", _tree.Name($"/docker/{A}", "private"));
        Assert.DoesNotContain("SECRET", _tree.Name($"/docker/{A}", "*"), StringComparison.Ordinal);
        Assert.DoesNotContain("owner", _tree.Name($"/docker/{A}", "*"), StringComparison.Ordinal);
        Assert.Equal(
            "b7c6d5e4f3a2 owner=docker/" + A + " owner.com.docker.compose.project=shop owner.name=shop-web-1", string.Join(' ', Nested()));

        IEnumerable<string> Nested()
        {
            var workload = new Agent.Workloads.WorkloadRecogniser().Recognise($"/docker/{A}/docker/{B}");
            var found = new NameResolver(new LabelChoice("com.docker.compose.*"), _tree.Root).Resolve(workload);
            return [found.Name, .. found.Labels.Select(label => $"{label.Key}={label.Value}")];
        }
    }

    [Fact]
    public void Rootless_containers_are_read_from_their_users_home_and_users_have_names()
    {
        _tree.Write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n")
            .Write($"/home/alice/.local/share/docker/containers/{A}/config.v2.json", """{"Name":"/db","Config":{"Image":"pg"}}""")
            .Write("/home/alice/.local/share/containers/storage/overlay-containers/containers.json", $$"""[{"id":"{{B}}","names":["cache"],"metadata":"{\"image-name\":\"redis\"}"}]""");

        const string User = "/user.slice/user-1000.slice/user@1000.service/user.slice";
        Assert.Equal("db image=pg user.name=alice", _tree.Name($"{User}/docker-{A}.scope"));
        Assert.Equal("cache image=redis user.name=alice", _tree.Name($"{User}/libpod-{B}.scope/container"));
        Assert.Equal("cache image=redis user.name=alice", _tree.Name($"{User}/libpod-conmon-{B}.scope"));
        Assert.Equal("session-3.scope user.name=alice", _tree.Name("/user.slice/user-1000.slice/session-3.scope"));
        Assert.Equal("session-3.scope", _tree.Name("/user.slice/user-1001.slice/session-3.scope"));
    }

    [Fact]
    public void Oci_annotations_tell_what_containerd_nerdctl_and_cri_o_run()
    {
        _tree.Write($"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{A}/config.json", """
            {"annotations":{"io.kubernetes.cri.sandbox-name":"web","io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.container-name":"nginx","io.kubernetes.cri.image-name":"nginx:1"}}
            """).Write($"/run/containers/storage/overlay-containers/{B}/userdata/config.json", """
            {"annotations":{"io.kubernetes.pod.name":"web","io.kubernetes.pod.namespace":"shop","io.kubernetes.container.name":"side","io.kubernetes.cri-o.Labels":"{\"app\":\"web\"}"}}
            """).Write($"/run/containerd/io.containerd.runtime.v2.task/default/{A[..63]}0/config.json", """{"annotations":{"nerdctl/name":"cache"}}""");

        Assert.Equal("shop/web/nginx image=nginx:1 kubernetes.container=nginx kubernetes.namespace=shop kubernetes.pod=web", _tree.Name($"/system.slice/cri-containerd-{A}.scope"));
        Assert.Equal("shop/web/side app=web kubernetes.container=side kubernetes.namespace=shop kubernetes.pod=web", _tree.Name($"{PodSlice}/crio-{B}.scope"));
        Assert.Equal("cache", _tree.Name($"/system.slice/nerdctl-{A[..63]}0.scope"));
    }

    [Fact]
    public void Guests_and_machines_have_names()
    {
        _tree.Write("/etc/pve/lxc/101.conf", "hostname: mail\ntags: red;prod\n[snap]\nhostname: old\n").Write("/etc/pve/qemu-server/102.conf", "name: vm\n")
            .Write("/var/lib/incus/containers/red_web/backup.yaml", "container:\n  name: web\n  project: red\n  devices: {a: [1, 2]}\n  config:\n    user.team: red\n    image.description: Debian\npool: {}\n")
            .Write("/run/systemd/machines/web", "# private\nNAME=web\nSCOPE=machine-web.scope\nSERVICE=systemd-nspawn\nLEADER=1\nCLASS=container\n")
            .Write("/run/libvirt/qemu/instance-00000001.xml", """
                <domstatus state='running'><domain type='kvm'><name>instance-00000001</name><uuid>u-1</uuid><metadata><nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
                <nova:name>web</nova:name><nova:flavor name="m1.small"/><nova:owner><nova:user uuid="u">admin</nova:user><nova:project uuid="p">shop</nova:project></nova:owner></nova:instance></metadata></domain></domstatus>
                """);

        Assert.Equal("mail guest.tags=red;prod", _tree.Name("/lxc/101/ns"));
        Assert.Equal("mail guest.tags=red;prod", _tree.Name("/lxc.monitor/101"));
        Assert.Equal("vm", _tree.Name("/qemu.slice/102.scope"));
        Assert.Equal("web guest.project=red image=Debian team=red", _tree.Name("/lxc.payload.red_web"));
        Assert.Equal("web machine.class=container machine.service=systemd-nspawn", _tree.Name("/machine.slice/machine-web.scope/payload"));
        Assert.Equal(@"web libvirt.uuid=u-1 nova.flavor=m1.small nova.project=shop nova.project.id=p nova.user=admin nova.user.id=u", _tree.Name(@"/machine.slice/machine-qemu\x2d2\x2dinstance\x2d00000001.scope"));
    }

    [Fact]
    public void Jobs_of_batch_systems_have_numbers_and_users()
    {
        const string Job = "/system.slice/slurmstepd.scope/s5K1KKYAYG5D00";
        _tree.Write("/etc/passwd", "alice:x:1000:1000::/home/alice:/bin/sh\n").Write($"/cgroup{Job}/step_batch/slurm/cgroup.procs", "42\n").Write($"/cgroup{Job}/step_batch/user/task_0/cgroup.procs", "43\n")
            .Write("/proc/42/cmdline", "slurmstepd: [3385.batch]").Write("/proc/43/status", "Name:\tx\nUid:\t1000\t1000\t1000\t1000\n")
            .Write("/var/lib/condor/execute/dir_7/.machine.ad", "Name = \"slot1_1@ep\"\n").Write("/var/lib/condor/execute/dir_7/.job.ad", "ClusterId = 12\nProcId = 3\nOwner = \"bob\"\nAccountingGroup = \"physics\"\n");

        Assert.Equal("3385 slurm.job=3385 slurm.uid=1000 user.name=alice", _tree.Name(Job));
        Assert.Equal("12.3 condor.group=physics condor.job=12.3 condor.owner=bob job=12.3", _tree.Name("/system.slice/condor.service/htcondor/_var_lib_condor_execute_slot1_1@ep"));
    }

    [Fact]
    public void Nomad_tells_its_tasks_what_they_are_and_nothing_else_of_their_environment_is_taken()
    {
        const string Task = $"/nomad.slice/share.slice/{Pod}.web.scope";
        _tree.Write($"/cgroup{Task}/cgroup.procs", "50\n51\n").Write("/proc/50/environ", "NOMAD_ALLOC_ID=another\0NOMAD_JOB_NAME=stolen\0")
            .Write("/proc/51/environ", $"PATH=/bin\0SECRET=x\0NOMAD_ALLOC_ID={Pod}\0NOMAD_ALLOC_NAME=shop.front[0]\0NOMAD_TASK_NAME=web\0NOMAD_JOB_NAME=shop\0NOMAD_GROUP_NAME=front\0NOMAD_NAMESPACE=prod\0NOMAD_TOKEN=secret\0");

        Assert.Equal("shop.front[0]/web nomad.group=front nomad.job=shop nomad.namespace=prod", _tree.Name(Task));
        Assert.DoesNotContain("ecret", _tree.Name(Task, "*"), StringComparison.Ordinal);
        Assert.Equal("db", _tree.Name($"/nomad.slice/{Pod}.db.scope"));

        // A task that is a container has its container's labels.
        _tree.Write($"/var/lib/docker/containers/{A}/config.v2.json", """{"Name":"/web-1","Config":{"Labels":{"com.hashicorp.nomad.alloc_id":"a","com.hashicorp.nomad.job_name":"shop"}}}""");
        Assert.Equal("web-1 com.hashicorp.nomad.alloc_id=a com.hashicorp.nomad.job_name=shop", _tree.Name($"/nomad.slice/share.slice/docker-{A}.scope"));
    }

    [Fact]
    public void Containers_in_gvisor_say_so_and_the_sandbox_is_the_pod()
    {
        _tree.Write($"/var/log/pods/shop_web-7d4b9_{Pod}/nginx/0.log", "").Write($"/var/log/containers/web-7d4b9_shop_nginx-{A}.log", "")
            .Write($"/run/containerd/runsc/k8s.io/{B}_sandbox:{B}.state", "{}").Write($"/run/containerd/runsc/k8s.io/{A}_sandbox:{B}.state", "{}").Write($"/run/containerd/runsc/k8s.io/{A}_sandbox:{B}.lock", "")
            .Write($"/run/docker/runtime-runsc/moby/{A[..63]}0_sandbox:{A[..63]}0.state", "{}").Write("/run/runsc/byhand_sandbox:byhand.state", "{}");

        Assert.Equal("shop/web-7d4b9 kubernetes.namespace=shop kubernetes.pod=web-7d4b9 runtime.name=gvisor", _tree.Name($"{PodSlice}/cri-containerd-{B}.scope"));
        Assert.Equal($"shop/web-7d4b9/nginx kubernetes.container=nginx kubernetes.namespace=shop kubernetes.pod=web-7d4b9 runtime.name=gvisor runtime.sandbox={B}", _tree.Name($"{PodSlice}/cri-containerd-{A}.scope"));
        Assert.EndsWith(" runtime.name=gvisor", _tree.Name($"/system.slice/docker-{A[..63]}0.scope"), StringComparison.Ordinal);
        Assert.Equal("/byhand runtime.name=gvisor", _tree.Name("/byhand"));

        // Both are the pod's to whoever owns it: the use of all its containers is in the one that is the sandbox.
        var recogniser = new Agent.Workloads.WorkloadRecogniser();
        Assert.All((string[])[A, B], id => Assert.Equal(Pod, recogniser.Recognise($"{PodSlice}/cri-containerd-{id}.scope").Pod));
    }

    [Fact]
    public void State_files_of_the_real_runtimes_are_read()
    {
        var podman = Path.Combine(Fixtures(), "podman");
        var id = System.Text.RegularExpressions.Regex.Match(File.ReadAllText(Directory.EnumerateFiles(podman, "containers.json", SearchOption.AllDirectories).Single()), "[0-9a-f]{64}").Value;

        Assert.Equal("shop com.docker.compose.project=store image=localhost/shop:1 team=red", _tree.Name($"/machine.slice/libpod-{id}.scope", root: podman));
        Assert.Equal("crun-plain runtime.name=crun", _tree.Name("/crun-plain", root: Path.Combine(Fixtures(), "crun")));
        Assert.Equal("nspawnbox machine.class=container machine.service=systemd-nspawn", _tree.Name("/machine.slice/machine-nspawnbox.scope/payload", root: Path.Combine(Fixtures(), "nspawn")));
        Assert.Equal("web", _tree.Name("/lxc.payload.web", root: Path.Combine(Fixtures(), "lxc")));
    }

    [Fact]
    public void Podman_keeps_labels_in_one_of_two_databases_and_a_users_own_is_not_opened_as_sql()
    {
        _tree.Write("/etc/passwd", "eve:x:1000:1000::/home/eve:/bin/sh\n");
        foreach (var store in (string[])["/var/lib/containers/storage", "/home/eve/.local/share/containers/storage"])
        {
            _tree.Write($"{store}/overlay-containers/containers.json", $$"""[{"id":"{{A}}","names":["web"],"metadata":"{\"image-name\":\"nginx\"}"}]""");
            using var database = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_tree.Root}{store}/db.sql;Pooling=False");
            database.Open();
            using var command = database.CreateCommand();
            command.CommandText = $$$"""CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, PodID TEXT, JSON TEXT NOT NULL); INSERT INTO ContainerConfig VALUES('{{{A}}}', 'web', NULL, '{"id":"{{{A}}}","labels":{"team":"red","private":"no","owner":"x"}}')""";
            command.ExecuteNonQuery();
        }

        Assert.Equal("web image=nginx team=red", _tree.Name($"/machine.slice/libpod-{A}.scope"));
        Assert.Equal("web image=nginx user.name=eve", _tree.Name($"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope"));
    }

    [Fact]
    public void A_damaged_database_is_not_known_and_takes_no_time()
    {
        var whole = File.ReadAllBytes(Directory.EnumerateFiles(Path.Combine(Fixtures(), "podman"), "bolt_state.db", SearchOption.AllDirectories).Single());
        var random = new Random(7);
        for (var round = 0; round < 300; round++)
        {
            var damaged = round % 3 == 0 ? whole[..random.Next(whole.Length)] : whole.ToArray();
            for (var i = 0; i < round && damaged.Length > 0; i++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);

            // Pages that hold themselves.
            for (var at = 4096; round % 5 == 0 && at + 32 < damaged.Length; at += 4096) (damaged[at + 8], damaged[at + 10], damaged[at + 11], damaged[at + 24]) = (1, 255, 255, (byte)(at / 4096));
            _tree.Write("/var/lib/containers/storage/libpod/other", "");
            File.WriteAllBytes(_tree.Root + "/var/lib/containers/storage/libpod/bolt_state.db", damaged);
            _ = PodmanStates.Read(new NameFiles(_tree.Root), "/var/lib/containers/storage", isRoots: true).Count();
        }
    }

    [Fact]
    public void Runc_by_hand_is_found_by_its_path()
    {
        _tree.Write("/run/runc/job-7/state.json", """{"id":"job-7","cgroup_paths":{"":"/sys/fs/cgroup/batch/seven"}}""");

        Assert.Equal("job-7 runtime.name=runc", _tree.Name("/batch/seven"));
        Assert.Equal("/batch/eight", _tree.Name("/batch/eight"));

        // The state is written after its directory was made, which changes nothing above it.
        Directory.CreateDirectory(_tree.Root + "/run/crun/late");
        var states = new RuntimeStates(new NameFiles(_tree.Root), seconds: 0);
        var workload = new Agent.Workloads.WorkloadRecogniser().Recognise("/batch/nine");
        Assert.Null(Ask());
        _tree.Write("/run/crun/late/status", """{"cgroup-path":"/batch/nine/container"}""");
        Assert.Equal("late", Ask());

        string? Ask()
        {
            var facts = new NameFacts(workload, new LabelChoice());
            states.Describe(workload, facts);
            return facts.Name;
        }
    }

    [Fact]
    public void Hostile_files_are_not_known_and_take_no_time()
    {
        _tree.Write("/etc/passwd", "eve:x:1000:1000::/home/eve:/bin/sh\n").Write("/home/eve/secret", $$"""[{"id":"{{A}}","names":["stolen"]}]""");
        var store = "/home/eve/.local/share/containers/storage/";
        Directory.CreateDirectory(_tree.Root + store + "overlay-containers");
        Directory.CreateDirectory(_tree.Root + store + "vfs-containers");
        Directory.CreateDirectory(_tree.Root + store + "zfs-containers");
        Process.Start("mkfifo", _tree.Root + store + "overlay-containers/containers.json").WaitForExit();
        File.CreateSymbolicLink(_tree.Root + store + "vfs-containers/containers.json", _tree.Root + "/home/eve/secret");
        File.CreateSymbolicLink(_tree.Root + store + "zfs-containers/containers.json", "/dev/zero");
        _tree.Write(store + "btrfs-containers/containers.json", new string('[', 1_000_000));
        _tree.Write($"/home/eve/.local/share/docker/containers/{A}/config.v2.json", """{"Name":5,"Config":{"Labels":{"team":["x"]}}}""");
        var started = TimeProvider.System.GetTimestamp();

        Assert.Equal("4a1e0b6f0d1c user.name=eve", _tree.Name($"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope"));
        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Labels_are_bounded_in_number_and_size_and_hold_no_control_characters()
    {
        var labels = string.Join(',', Enumerable.Range(0, 5000).Select(i => $"\"k{i}\":\"v\\n{new string('x', 5000)}\""));
        _tree.Write($"/var/lib/docker/containers/{A}/config.v2.json", $$"""{"Name":"/{{new string('n', 5000)}}\u001b[2J","Config":{"Labels":{"bad key!":"x",{{labels[..100_000]}}"} } }""");

        var workload = new Agent.Workloads.WorkloadRecogniser().Recognise("/docker/" + A);
        var found = new NameResolver(new LabelChoice("*"), _tree.Root).Resolve(workload);

        Assert.InRange(found.Labels.Count, 1, NameFacts.MaxLabels);
        Assert.Equal(256, found.Name.Length);
        Assert.All(found.Labels, label => Assert.True(label.Value.Length <= 256 && !label.Value.Any(char.IsControl)));
    }

    private static string Fixtures([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "fixtures");
}
