using System.Globalization;
using Metering.EndToEnd.Servers;

namespace Metering.EndToEnd.Ui;

/// <summary>A cgroup of its own with a process that uses CPU time in it. Null where the cgroup2 tree can not be written to.</summary>
internal sealed class BusyCgroup : IAsyncDisposable
{
    // About half a core: enough to see, not enough to starve what else runs here.
    private const string Work = "echo $$ > \"$0/cgroup.procs\" && while kill -0 $PPID; do i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 0.05; done";

    private readonly string _directory;
    private readonly ChildProcess _work;

    private BusyCgroup(string directory)
    {
        _directory = directory;
        _work = ChildProcess.Start("/bin/sh", ["-c", Work, directory]);
    }

    /// <summary>How the names of this run end: a run that was killed leaves its cgroups behind, and another may go on beside this one.</summary>
    public static string Suffix { get; } = string.Create(CultureInfo.InvariantCulture, $"-{Environment.ProcessId}-{Environment.TickCount64 % 1_000_000}");

    /// <summary>Path below the cgroup2 root.</summary>
    public string Path => "/" + Name;

    public string Name => System.IO.Path.GetFileName(_directory);

    public static BusyCgroup? TryStart(string name)
    {
        var mount = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')).FirstOrDefault(fields => fields[2] == "cgroup2")?[1];
        if (mount is null) return null;
        var directory = System.IO.Path.Combine(mount, name + Suffix);
        try
        {
            Directory.CreateDirectory(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return new BusyCgroup(directory);
    }

    public async ValueTask DisposeAsync()
    {
        await _work.DisposeAsync();

        // A sleep that the shell had started ends by itself; until then the cgroup is busy.
        for (var i = 0; i < 100; i++)
        {
            try
            {
                Directory.Delete(_directory);
                return;
            }
            catch (IOException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            }
        }
    }
}
