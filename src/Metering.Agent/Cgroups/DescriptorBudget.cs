using System.Globalization;

namespace Metering.Agent.Cgroups;

/// <summary>
/// How many descriptors may stay open, of those the process may have; the rest is its own: two for each library, which the runtime keeps, the journal, connections, and what is opened
/// for one reading. A process that has too few for its libraries fails in the middle of anything, so that it is refused at the start instead.
/// </summary>
internal static class DescriptorBudget
{
    /// <summary>What a process needs besides cgroup files: the agent by itself has about 150 open, agent and service together 370.</summary>
    public const int Agent = 256, Service = 512;

    private const string Limits = "/proc/self/limits";

    /// <summary>Besides cpu.stat: a quarter, since each also costs about 6 KiB of kernel memory.</summary>
    /// <param name="own"><see cref="Agent"/> or <see cref="Service"/>.</param>
    public static int Others(int own, string limits = Limits) => Limit(limits) is { } limit ? Math.Min(Math.Max(limit - own, 0) / 4, 4096) : 256;

    /// <summary>Of cpu.stat: what is left.</summary>
    public static int Cpu(int own, string limits = Limits) => Limit(limits) is { } limit ? Math.Max(limit - own, 0) - Others(own, limits) : int.MaxValue;

    /// <summary>Why a process can not start with its limit, in one sentence; null when it can.</summary>
    public static string? Refusal(int own, string limits = Limits) => Limit(limits) is { } limit && limit < own
        ? string.Create(CultureInfo.InvariantCulture, $"this process may open {limit} files, and needs {own} for itself; raise the limit (LimitNOFILE=65536 in systemd, --ulimit nofile=65536 in Docker, ulimit -n 65536).")
        : null;

    /// <summary>The limit of open files in force (proc(5), /proc/PID/limits); null when there is none, or none that can be told.</summary>
    public static int? Limit(string limits = Limits)
    {
        try
        {
            // Max open files            1024                 524288               files
            var line = File.ReadLines(limits).FirstOrDefault(row => row.StartsWith("Max open files", StringComparison.Ordinal));
            var words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words is { Length: > 4 } && int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out var soft) ? soft : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
