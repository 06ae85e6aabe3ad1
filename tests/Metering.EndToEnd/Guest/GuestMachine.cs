using System.Globalization;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using Xunit;

namespace Metering.EndToEnd.Guest;

/// <summary>
/// A throwaway machine with a kernel of its own (Debian's cloud kernel, cgroup v2 alone, every controller on, systemd), emulated by qemu without hardware help.
/// It boots once for all tests, meters known work and real runtimes with the self-contained <c>metering</c>, reports facts and powers off; <c>guest/run</c> is what it does.
/// Kernel, disks, console and facts are kept in <c>artifacts/guest</c>.
/// </summary>
public sealed class GuestMachine : IAsyncDisposable
{
    internal const string Qemu = "/usr/bin/qemu-system-x86_64";
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(10);

    // About 3 and 6 min on two idle processors; only a hang, or a machine many times slower, gets here.
    private static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(15), FullBootLimit = TimeSpan.FromMinutes(20);
    internal static readonly bool Full = Environment.GetEnvironmentVariable("METERING_GUEST_FULL") == "1";

    private readonly SemaphoreSlim _once = new(1);
    private GuestReport? _report;
    private Exception? _trouble;

    /// <summary>What the guest reported. Inside the test and not before it, so that a machine without qemu skips it (and fails it under CI).</summary>
    internal async Task<GuestReport> ReportAsync(CancellationToken cancel)
    {
        ServerPackages.Require(Qemu, "qemu-system-x86");
        ServerPackages.RequireRoot("the guest's disk is made from Debian packages with their owners and modes");
        await _once.WaitAsync(cancel);
        try
        {
            // What failed once fails every test at once, and not each after its own boot.
            if (_trouble is not null) throw new InvalidOperationException(_trouble.Message, _trouble);
            return _report ??= await BootAsync(await Made.Value, cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _trouble = e;
            throw;
        }
        finally
        {
            _once.Release();
        }
    }

    public ValueTask DisposeAsync()
    {
        _once.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The directory with the guest's kernel, disks and programs, made once for a run; ended by its own limit.</summary>
    internal static Lazy<Task<string>> Made { get; } = new(() => Task.Run(() => MakeAsync(CancellationToken.None)));

    private static async Task<string> MakeAsync(CancellationToken cancel)
    {
        var repository = RepositoryFiles.Root;
        var scripts = Path.Combine(repository, "tests/Metering.EndToEnd/Guest");
        var directory = Path.Combine(repository, Full ? "artifacts/guest-full" : "artifacts/guest");
        var payload = Path.Combine(directory, "payload");
        Directory.CreateDirectory(payload);

        // The disk's packages come over the network while the processors compile; both step back for tests that run meanwhile.
        await Task.WhenAll(
            PublishAsync(repository, payload, cancel),
            ChildProcess.RunAsync("nice", [Path.Combine(scripts, "build-guest"), directory, .. Full ? MoreRuntimes : []], BuildLimit, cancel));
        await CopyAsync(scripts + "/guest", payload + "/guest", cancel);
        await CopyAsync(Path.Combine(repository, "deploy"), payload + "/deploy", cancel);

        // The framework that the agent's program runs on, as an installation of .NET has it: the one that runs this.
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var installation = Path.GetFullPath(Path.Combine(framework, "../../.."));
        await CopyAsync(installation + "/host", payload + "/dotnet/host", cancel);
        await CopyAsync(framework, payload + "/dotnet" + framework[installation.Length..], cancel);
        if (Full) await File.WriteAllTextAsync(payload + "/guest/full", "", cancel);
        foreach (var file in (string[])["payload.ext4", "disk.img", "swap.img", "facts.jsonl", "console.log"]) File.Delete(Path.Combine(directory, file));
        await ChildProcess.RunAsync("mke2fs", ["-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", payload, directory + "/payload.ext4", "500M"], BuildLimit, cancel);
        foreach (var file in (string[])["disk.img", "swap.img"])
        {
            await using var empty = File.Create(Path.Combine(directory, file));
            empty.SetLength(128 << 20);
        }

        return directory;
    }

    // The program with everything it needs, and the agent's own as it is installed; one after the other, since they share what is compiled.
    private static async Task PublishAsync(string repository, string payload, CancellationToken cancel)
    {
        string[] common = ["-c", "Release", "-r", "linux-x64", "-p:PublishReadyToRun=true", "-p:RunAnalyzers=false", "-p:DebugType=none", "-p:UseSharedCompilation=false", "-nodeReuse:false", "-v", "quiet", "--nologo", "--artifacts-path", Path.Combine(repository, "artifacts/guest/build")];
        var targets = Path.Combine(repository, "tests/Metering.EndToEnd/Guest/publish.targets");
        await ChildProcess.RunAsync("nice", ["dotnet", "publish", Path.Combine(repository, "src/Metering.Cli"), "--self-contained", "-p:CustomAfterMicrosoftCommonTargets=" + targets, .. common, "-o", payload + "/metering"], BuildLimit, cancel);
        await ChildProcess.RunAsync("nice", ["dotnet", "publish", Path.Combine(repository, "src/Metering.Agent"), "--self-contained", "false", .. common, "-o", payload + "/agent"], BuildLimit, cancel);
    }

    private static async Task CopyAsync(string from, string to, CancellationToken cancel)
    {
        if (Directory.Exists(to)) Directory.Delete(to, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        await ChildProcess.RunAsync("cp", ["-a", from, to], BuildLimit, cancel);
    }

    // Packages for the runtimes that only the full run has.
    private static IReadOnlyList<string> MoreRuntimes => ["docker.io", "containerd", "dbus-user-session", "fuse-overlayfs"];

    private static async Task<GuestReport> BootAsync(string directory, CancellationToken cancel)
    {
        var began = TimeProvider.System.GetTimestamp();
        string Drive(string file, string more) => string.Create(CultureInfo.InvariantCulture, $"file={directory}/{file},if=virtio,format=raw,{more}");
        await using var machine = ChildProcess.Start(
            Qemu,
            [
                // A processor without AVX: emulating vectors costs more than it gives, and precompiled code is made for one like this.
                "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2", "-m", Full ? "2048" : "1024", "-nodefaults", "-display", "none", "-nic", "none", "-no-reboot", "-monitor", "none",
                "-serial", "stdio", "-serial", $"file:{directory}/facts.jsonl",
                "-kernel", directory + "/vmlinuz", "-initrd", directory + "/initramfs.gz",
                "-append", "console=ttyS0 quiet systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all psi=1 apparmor=1 security=apparmor systemd.show_status=0 mitigations=off random.trust_cpu=on panic=-1",
                "-drive", Drive("root.ext4", "snapshot=on"), "-drive", Drive("payload.ext4", "readonly=on"), "-drive", Drive("disk.img", "cache=unsafe"), "-drive", Drive("swap.img", "cache=unsafe"),
            ]);
        try
        {
            var code = await machine.WaitForExitAsync(Full ? FullBootLimit : BootLimit, cancel);
            var report = GuestReport.Read(directory + "/facts.jsonl");
            if (code != 0 || !report.Has("done")) throw new InvalidOperationException($"The guest ended with {code} before its work was done; its console:\n{machine.Output}\n{report.Text("up.log", "")}");
            TestContext.Current.SendDiagnosticMessage("The guest took {0:0} s.", TimeProvider.System.GetElapsedTime(began).TotalSeconds);
            return report;
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"The guest did not power off in time; its console:\n{machine.Output}", e);
        }
        finally
        {
            await File.WriteAllTextAsync(directory + "/console.log", machine.Output, CancellationToken.None);
        }
    }
}
