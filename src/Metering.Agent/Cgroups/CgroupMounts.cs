using System.Collections.Frozen;
using Metering.Safety;

namespace Metering.Agent.Cgroups;

/// <summary>Where the cgroup hierarchies are, from <c>/proc/self/mountinfo</c> (proc(5)); never a fixed path.</summary>
/// <param name="Unified">Mount point of the tree that gives CPU: cgroup2, else v1 cpuacct.</param>
/// <param name="V1">Mount point by v1 controller name; empty on a pure v2 host.</param>
internal sealed record CgroupMounts(string Unified, FrozenDictionary<string, string> V1)
{
    /// <summary>Options of the cgroup2 mount, such as <c>memory_hugetlb_accounting</c>.</summary>
    public IReadOnlySet<string> Options { get; init; } = FrozenSet<string>.Empty;

    /// <summary>True where <see cref="Unified"/> is the v1 hierarchy of cpuacct: there is no cgroup2, or it does not hold the workloads.</summary>
    public bool CpuIsV1 { get; init; }

    /// <summary>There is a cgroup2 mount.</summary>
    public bool HasUnified { get; init; } = true;

    /// <summary>True when memory, block I/O or pids live in v1 hierarchies.</summary>
    public bool IsHybrid => V1.ContainsKey("memory") || V1.ContainsKey("blkio") || V1.ContainsKey("pids");

    /// <summary>Reads this process's mounts. Throws with the remedy when there is no cgroup2 mount.</summary>
    public static CgroupMounts Read(string mountInfo = "/proc/self/mountinfo")
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(mountInfo);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The mounts of this host can not be read ({mountInfo}: {e.Message}); the agent needs /proc.", inner: e);
        }

        return Parse(lines) ?? throw new UserErrorException(
            "Neither cgroup2 nor v1 cpuacct is mounted here; mount it with 'mount -t cgroup2 none /sys/fs/cgroup', or pass the host's tree into the container (-v /sys/fs/cgroup:/sys/fs/cgroup:ro).");
    }

    /// <summary>The same host with CPU from cpuacct, whose groups hold the workloads.</summary>
    public CgroupMounts WithCpuacct() => this with { Unified = V1["cpuacct"], CpuIsV1 = true };

    /// <summary>Null when no line is a cgroup2 mount, nor one of v1 cpuacct, which stands in for it. Of several the one whose root is <c>/</c> and whose path is shortest wins.</summary>
    public static CgroupMounts? Parse(IEnumerable<string> lines)
    {
        string? unified = null;
        string[] options = [];
        var unifiedIsWhole = false;
        var v1 = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            // 41 31 0:38 / /sys/fs/cgroup/unified rw,relatime [optional fields] - cgroup2 cgroup2 rw
            var dash = line.IndexOf(" - ", StringComparison.Ordinal);
            if (dash < 0) continue;
            var left = line[..dash].Split(' ');
            var right = line[(dash + 3)..].Split(' ');
            if (left.Length < 5 || right.Length < 3) continue;
            var (root, point) = (left[3], Unescape(left[4]));
            if (right[0] == "cgroup2")
            {
                var whole = root == "/";
                if (unified is null || (whole && !unifiedIsWhole) || (whole == unifiedIsWhole && point.Length < unified.Length)) (unified, unifiedIsWhole, options) = (point, whole, right[2].Split(','));
            }
            else if (right[0] == "cgroup")
            {
                foreach (var option in right[2].Split(',')) v1.TryAdd(option, point);
            }
        }

        var controllers = v1.ToFrozenDictionary(StringComparer.Ordinal);
        if (unified is not null) return new CgroupMounts(unified, controllers) { Options = options.ToFrozenSet(StringComparer.Ordinal) };
        return controllers.ContainsKey("cpuacct") ? new CgroupMounts("", controllers) { HasUnified = false }.WithCpuacct() : null;
    }

    // mountinfo writes space, tab, line feed and backslash as three octal digits.
    private static string Unescape(string text) =>
        text.Replace("\\040", " ").Replace("\\011", "\t").Replace("\\012", "\n").Replace("\\134", "\\");
}
