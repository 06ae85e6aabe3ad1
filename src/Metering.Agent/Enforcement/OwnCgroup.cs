namespace Metering.Agent.Enforcement;

/// <summary>The cgroup2 path of this process, by <c>/proc/self/cgroup</c> (cgroups(7)); "/" where there is none.</summary>
internal static class OwnCgroup
{
    public static string Path()
    {
        foreach (var line in File.ReadLines("/proc/self/cgroup"))
        {
            if (line.StartsWith("0::/", StringComparison.Ordinal)) return line[3..];
        }

        return "/";
    }
}
