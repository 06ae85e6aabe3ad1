using System.Diagnostics;
using System.Globalization;
using Metering.Agent.Cgroups;
using Metering.Benchmarks.Running;
using Metering.Safety;

namespace Metering.Benchmarks.Passes;

/// <summary>Real cgroups below one parent of our own, each with some CPU counted and a few kept busy. Gone when disposed, with the processes in them.</summary>
internal sealed class BenchCgroups : IDisposable
{
    private const string Prefix = "metering-bench-";
    private readonly List<Process> _busy = [];

    private BenchCgroups(string root) => Root = root;

    /// <summary>The parent's directory.</summary>
    public string Root { get; }

    public static BenchCgroups Create(int count, int busy, CancellationToken cancel)
    {
        var mount = CgroupMounts.Read().Unified;
        var cgroups = new BenchCgroups(Path.Combine(mount, Prefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        try
        {
            Directory.CreateDirectory(cgroups.Root);
            for (var i = 0; i < count; i++)
            {
                cancel.ThrowIfCancellationRequested();
                Directory.CreateDirectory(cgroups.Child(i));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            cgroups.Dispose();
            throw new UserErrorException($"No cgroups can be made below '{mount}' ({e.Message}); run this benchmark as root.", inner: e);
        }

        try
        {
            // One shell walks through all of them and leaves a little CPU in each; writing 0 moves the writer.
            Shell($"i=0; while [ $i -lt {count} ]; do echo 0 > {cgroups.Root}/w$i/cgroup.procs; n=0; while [ $n -lt 150 ]; do n=$((n+1)); done; i=$((i+1)); done").WaitForExit();
            for (var i = 0; i < busy; i++)
                cgroups._busy.Add(Shell($"echo 0 > {cgroups.Child(i * (count / busy))}/cgroup.procs; while :; do i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done; sleep 0.1; done"));
            cancel.ThrowIfCancellationRequested();
            return cgroups;
        }
        catch
        {
            cgroups.Dispose();
            throw;
        }
    }

    public string Child(int i) => $"{Root}/w{i.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Ends the busy ones: from here on nothing moves.</summary>
    public void Quieten()
    {
        foreach (var process in _busy)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }

        _busy.Clear();
    }

    public void Dispose()
    {
        Quieten();
        if (!Directory.Exists(Root)) return;
        foreach (var child in Directory.EnumerateDirectories(Root)) CgroupDirectory.Remove(child);
        CgroupDirectory.Remove(Root);
    }

    private static Process Shell(string script) => Process.Start("/bin/sh", ["-c", script]);
}
