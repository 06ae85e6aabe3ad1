using System.Diagnostics;
using Metering.Agent.Workloads;
using Metering.Agent.Workloads.Names;
using Xunit;

namespace Metering.Tests.Workloads.Names;

/// <summary>No source of names throws, hangs or takes much memory, whatever stands where it looks.</summary>
public sealed class HostileTreeTests : IDisposable
{
    private const string A = "4a1e0b6f0d1c2b3a49586776859403122130eeddccbbaa998877665544332211";
    private const string Pod = "2fc932ce-fdcc-454b-97bd-aadfdeb4c340";
    private readonly RuntimeTree _tree = new();

    // Where the sources look: one file of each.
    private static readonly string[] Places =
    [
        $"/var/lib/docker/containers/{A}/config.v2.json", "/var/lib/containers/storage/overlay-containers/containers.json", "/var/lib/containers/storage/overlay-containers/volatile-containers.json",
        $"/run/containers/storage/overlay-containers/{A}/userdata/config.json", $"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{A}/config.json", "/run/runc/job/state.json", "/run/crun/job/status",
        $"/var/log/pods/shop_web_{Pod}", $"/var/log/containers/web_shop_nginx-{A}.log", "/run/systemd/machines/guest", "/etc/pve/lxc/101.conf", "/etc/pve/qemu-server/102.conf",
        "/var/lib/lxc/guest/config", "/etc/libvirt/qemu/guest.xml", "/run/libvirt/qemu/guest.xml", "/etc/passwd", "/run/systemd/transient/run-1.scope", "/etc/systemd/system/web.service",
        "/run/systemd/units/invocation:web.service", "/cgroup/slurm/uid_0/job_7/step_0/slurm/cgroup.procs",
    ];

    private static readonly string[] Paths =
    [
        $"/system.slice/docker-{A}.scope", $"/machine.slice/libpod-{A}.scope", $"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{Pod.Replace('-', '_')}.slice/cri-containerd-{A}.scope",
        $"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{Pod.Replace('-', '_')}.slice/crio-{A}.scope", "/job", "/lxc.payload.guest", "/lxc/101", "/qemu.slice/102.scope",
        "/machine.slice/systemd-nspawn@guest.service", "/machine.slice/machine-qemu\\x2d1\\x2dguest.scope", "/system.slice/web.service", "/system.slice/run-1.scope", "/slurm/uid_0/job_7/step_0/task_0",
        "/htcondor/condor_var_lib_slot1@host", "/user.slice/user-1000.slice/session-1.scope",
        $"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope",
    ];

    public void Dispose()
    {
        // What may not be entered can not be removed either.
        Run("chmod", "-R", "u+rwx", _tree.Root);
        _tree.Dispose();
    }

    [Theory]
    [InlineData("random")]
    [InlineData("deep")]
    [InlineData("huge")]
    [InlineData("fifo")]
    [InlineData("loop")]
    [InlineData("directory")]
    [InlineData("denied")]
    [InlineData("empty")]
    public async Task No_source_throws_or_hangs(string kind)
    {
        var random = new Random(5);
        foreach (var place in Places) Put(_tree.Root + place, kind, random);
        var resolver = new NameResolver(new LabelChoice("*"), _tree.Root, cgroups: "/cgroup");
        var recogniser = new WorkloadRecogniser();
        var before = GC.GetTotalAllocatedBytes();

        var all = Task.Run(() => Paths.Select(path => resolver.Resolve(recogniser.Recognise(path))).ToList(), TestContext.Current.CancellationToken);
        Assert.Same(all, await Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)));

        foreach (var workload in await all)
        {
            Assert.InRange(workload.Name.Length, 1, 4096);
            Assert.All(workload.Labels, label => Assert.True(label.Key.Length <= 128 && label.Value.Length <= 1024));
            Assert.DoesNotContain(workload.Labels.Keys, key => key.StartsWith("metering.", StringComparison.Ordinal));
        }

        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 1L << 30);
    }

    [Fact]
    public void A_units_description_and_invocation_are_told_and_nothing_is_followed_out_of_the_tree()
    {
        _tree.Write("/etc/systemd/system/web.service", "[Unit]\nDescription=The shop's front\n[Service]\nExecStart=/bin/true\n").Write("/run/systemd/transient/run-1.scope", "[Unit]\nDescription=[systemd-run] make\n");
        Directory.CreateDirectory(_tree.Root + "/run/systemd/units");
        File.CreateSymbolicLink(_tree.Root + "/run/systemd/units/invocation:web.service", "0123456789abcdef0123456789abcdef");
        File.CreateSymbolicLink(_tree.Root + "/run/systemd/units/invocation:run-1.scope", "../../etc/shadow");

        Assert.Equal("web.service unit.description=The shop's front", _tree.Name("/system.slice/web.service"));
        Assert.Equal("web.service unit.description=The shop's front unit.invocation=0123456789abcdef0123456789abcdef", _tree.Name("/system.slice/web.service", labels: "unit.*"));
        Assert.Equal("run-1.scope unit.description=[systemd-run] make", _tree.Name("/system.slice/run-1.scope", labels: "unit.*"));
    }

    private static void Put(string file, string kind, Random random)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        switch (kind)
        {
            case "random":
                var bytes = new byte[random.Next(1, 20_000)];
                random.NextBytes(bytes);
                File.WriteAllBytes(file, bytes);
                break;
            case "deep":
                File.WriteAllText(file, new string('[', 100_000));
                break;
            case "huge":
                using (var huge = File.Create(file)) huge.SetLength(100 << 20);
                break;
            case "fifo":
                Run("mkfifo", file);
                break;
            case "loop":
                File.CreateSymbolicLink(file, Path.GetFileName(file));
                break;
            case "directory":
                Directory.CreateDirectory(file + "/a/b");
                break;
            case "denied":
                File.WriteAllText(file, "x");
                File.SetUnixFileMode(file, UnixFileMode.None);
                File.SetUnixFileMode(Path.GetDirectoryName(file)!, UnixFileMode.UserWrite | UnixFileMode.UserExecute);
                break;
            default:
                File.WriteAllText(file, "");
                break;
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
    }
}
