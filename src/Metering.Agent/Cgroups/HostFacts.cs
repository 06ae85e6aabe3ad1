using System.Globalization;

namespace Metering.Agent.Cgroups;

/// <summary>What the agent says of its host: the boot that scopes inodes, and how large the host is.</summary>
/// <param name="BootId">/proc/sys/kernel/random/boot_id.</param>
/// <param name="Cpus">Processors that are online.</param>
/// <param name="MemoryBytes">MemTotal of /proc/meminfo; 0 when unknown.</param>
internal sealed record HostFacts(string BootId, double Cpus, ulong MemoryBytes)
{
    private const string CpuacctMark = "-cpuacct";

    /// <summary>Whether a stored boot id speaks of the same hierarchy as this one: inodes of v1 cpuacct and of cgroup2 are two spaces.</summary>
    public bool SameHierarchy(string bootId) => bootId.EndsWith(CpuacctMark, StringComparison.Ordinal) == BootId.EndsWith(CpuacctMark, StringComparison.Ordinal);

    /// <summary>The boot id as one that scopes inodes of v1 cpuacct.</summary>
    public HostFacts OfCpuacct() => this with { BootId = BootId + CpuacctMark };

    public static HostFacts Read() => new(ReadBootId(), ReadCpus(), ReadMemory());

    /// <summary>The name a host gets when none is configured: its machine id, else its host name, fitted to the rule for host ids.</summary>
    public static string DefaultHostId()
    {
        foreach (var file in new[] { "/etc/machine-id", "/var/lib/dbus/machine-id" })
        {
            if (!File.Exists(file)) continue;
            var id = File.ReadAllText(file).Trim();
            if (Identity.HostId.TryParse(id, out _)) return id;
        }

        var name = new string([.. Environment.MachineName.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-').Take(64)]);
        return name.Length > 0 ? name : "host";
    }

    private static string ReadBootId()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "unknown";
        }
    }

    private static double ReadCpus()
    {
        try
        {
            var count = File.ReadLines("/proc/stat").Count(line => line.StartsWith("cpu", StringComparison.Ordinal) && line.Length > 3 && char.IsAsciiDigit(line[3]));
            return count > 0 ? count : Environment.ProcessorCount;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Environment.ProcessorCount;
        }
    }

    private static ulong ReadMemory()
    {
        try
        {
            var line = File.ReadLines("/proc/meminfo").FirstOrDefault(row => row.StartsWith("MemTotal:", StringComparison.Ordinal));
            var words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words is { Length: >= 2 } && ulong.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes) ? kibibytes * 1024 : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
