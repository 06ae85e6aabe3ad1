using System.Globalization;
using Metering.Benchmarks.Running;
using Metering.EndToEnd.Servers;

namespace Metering.Benchmarks.Peers;

/// <summary>systemd-cgtop in batch mode, in a private mount namespace in which the measured tree is the whole of <c>/sys/fs/cgroup</c>: on a hybrid host it would read v1 otherwise.</summary>
internal static class Cgtop
{
    public const string Program = "/usr/bin/systemd-cgtop", Remedy = "apt-get install --no-install-recommends systemd";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    public static bool IsInstalled => File.Exists(Program);

    /// <summary>CPU microseconds of one update: what many updates take more than a single one does.</summary>
    public static async Task<double> UpdateAsync(string root, int updates, CancellationToken cancel)
    {
        var one = await SpentAsync(root, 1, cancel);
        return (double)(await SpentAsync(root, 1 + updates, cancel) - one) / updates;
    }

    /// <summary>Watches the tree for so many seconds; returns CPU microseconds that it showed, by cgroup path below the tree.</summary>
    public static async Task<Dictionary<string, double>> WatchAsync(string root, int seconds, CancellationToken cancel)
    {
        var shown = new Dictionary<string, double>(StringComparer.Ordinal);
        var arguments = Arguments(root, ["-b", "-r", "-p", "--cpu=percentage", "--depth=3", "-d", "1s", "-n", (seconds + 1).ToString(CultureInfo.InvariantCulture)]);
        var output = await ChildProcess.RunAsync("unshare", arguments, Limit + TimeSpan.FromSeconds(seconds), cancel);

        // /storm/s1        1     23.4        -        -        -     percent of one processor over the last second
        foreach (var words in output.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(words => words.Length >= 3))
        {
            var path = '/' + words[0].TrimStart('/');
            if (double.TryParse(words[2], CultureInfo.InvariantCulture, out var percent)) shown[path] = shown.GetValueOrDefault(path) + percent * 10_000;
        }

        return shown;
    }

    private static async Task<long> SpentAsync(string root, int updates, CancellationToken cancel)
    {
        using var cage = Cage.Create("cgtop");
        var arguments = Arguments(root, ["-b", "-r", "-p", "--cpu=time", "--depth=3", "-d", "50ms", "-n", updates.ToString(CultureInfo.InvariantCulture)]);
        await ChildProcess.RunAsync("/bin/sh", cage.Enter("unshare", arguments), Limit, cancel);
        return cage.CpuMicroseconds;
    }

    private static string[] Arguments(string root, string[] cgtop) => ["--mount", "/bin/sh", "-c", "mount --bind \"$1\" /sys/fs/cgroup && shift && exec \"$@\"", "sh", root, Program, .. cgtop];
}
